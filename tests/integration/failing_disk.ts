/** A disk that fails under the real server when told to: tests/faults/failing_disk.c, loaded in front of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../faults/failing_disk.c', import.meta.url));

export class FailingDisk {
  private readonly dir = mkdtempSync(join(tmpdir(), 'failing-disk-'));
  private readonly control = join(this.dir, 'control');
  private readonly library = join(this.dir, 'failing_disk.so');

  constructor() {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', this.library, source, '-ldl']);
  }

  /** For the server's environment. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.library, FAILING_DISK: this.control };
  }

  fail(op: 'write' | 'sync', code: 'ENOSPC' | 'EIO', suffix = '-wal'): void {
    writeFileSync(this.control, `${op} ${code} ${suffix}`);
  }

  mend(): void {
    rmSync(this.control, { force: true });
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
