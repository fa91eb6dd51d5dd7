import type { Schema } from '@stablehand/api';

/** The picture that is shown large. */
class Lightbox {
  file = $state.raw<Schema['File'] | null>(null);

  show(file: Schema['File']): void {
    this.file = file;
  }

  close(): void {
    this.file = null;
  }
}

export const lightbox = new Lightbox();
