/** Styles of the launcher and the frame, in a shadow root through CSSOM: no inline style, no class of the page can reach them. */
export const STYLES = `
:host{all:initial;position:fixed;inset-block-end:calc(20px + env(safe-area-inset-bottom));inset-inline-end:calc(20px + env(safe-area-inset-right));z-index:2147483000;--sh:#1f5bd8;--si:#fff}
button{font:500 14px/1.4 system-ui,sans-serif;cursor:pointer;border:0}
.launch{inline-size:56px;block-size:56px;border-radius:50%;background:var(--sh);color:var(--si);box-shadow:0 6px 20px rgb(0 0 0/.22);display:grid;place-items:center}
.launch:hover{filter:brightness(1.1)}
:focus-visible{outline:3px solid var(--sh);outline-offset:3px}
svg{inline-size:26px;block-size:26px;fill:none;stroke:currentcolor;stroke-width:2;stroke-linejoin:round}
.badge{position:absolute;inset-block-start:-4px;inset-inline-end:-4px;min-inline-size:20px;box-sizing:border-box;padding:0 5px;border-radius:10px;background:#d92d20;color:#fff;font:600 12px/20px system-ui;text-align:center}
.bubble{position:absolute;inset-block-end:70px;inset-inline-end:0;display:flex;inline-size:max-content;max-inline-size:min(280px,calc(100vw - 40px));border-radius:12px;background:#fff;color:#101828;box-shadow:0 8px 30px rgb(0 0 0/.18)}
.bubble:empty{display:none}
.bubble button{min-block-size:44px;padding:12px 14px;border-radius:12px;background:none;color:inherit;text-align:start;overflow-wrap:anywhere}
.bubble .hide{align-self:start;padding:0 14px 0 4px;font-size:20px}
iframe{position:fixed;border:0;inset-block-end:calc(88px + env(safe-area-inset-bottom));inset-inline-end:20px;inline-size:400px;block-size:min(680px,calc(100dvh - 110px));border-radius:16px;box-shadow:0 12px 48px rgb(0 0 0/.24);background:#fff;color-scheme:normal}
[hidden]{display:none!important}
@media (max-width:480px){iframe{inset:0;inline-size:100%;block-size:100dvh;border-radius:0}.full .launch{display:none}}
@media (prefers-color-scheme:dark){.bubble{background:#1d2530;color:#f2f4f7}iframe{background:#10151c}}
@media print{:host{display:none}}
`;
