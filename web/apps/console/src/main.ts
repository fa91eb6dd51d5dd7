import '@stablehand/ui/tokens.css';
import '@stablehand/ui/base.css';
