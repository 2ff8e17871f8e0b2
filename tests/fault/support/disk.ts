// Disks that fail: a small one that can be filled, and one whose calls fail on demand.
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Why a small disk cannot be had here; undefined: it can. */
export function whyNoSmallDisk(): string | undefined {
  if (process.getuid?.() !== 0) return "mounting a small disk needs root";
  try {
    new SmallDisk("1m").dispose();
    return undefined;
  } catch {
    return "this machine does not let root mount a tmpfs";
  }
}

/** A tmpfs of a fixed size, mounted. */
export class SmallDisk {
  readonly path: string;
  constructor(size: string) {
    this.path = mkdtempSync(join(tmpdir(), "throughline-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", this.path], { stdio: "pipe" });
  }
  private get filler(): string {
    return join(this.path, "filler");
  }
  /** Until nothing more fits. */
  fill(): void {
    const file = openSync(this.filler, "w");
    try {
      for (const size of [65_536, 4_096]) {
        const block = Buffer.alloc(size, 1);
        for (;;) {
          try {
            writeSync(file, block);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code === "ENOSPC") break;
            throw error;
          }
        }
      }
    } finally {
      closeSync(file);
    }
  }
  free(): void {
    rmSync(this.filler, { force: true });
  }
  dispose(): void {
    // Whoever was killed a moment ago may still hold a file.
    execFileSync("umount", ["-l", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** tests/fault/shim/disk.c, as ./dev builds it. */
const shim = resolve(process.env["FAULT_SHIM"] ?? "../../build/fault/disk.so");

/** Lets calls of one engine fail. Its `env` goes into the engine's. */
export class FailingDisk {
  private readonly folder = mkdtempSync(join(tmpdir(), "throughline-orders-"));
  private readonly order = join(this.folder, "order");
  readonly env: Record<string, string>;
  constructor() {
    if (!existsSync(shim)) throw new Error(`${shim} is missing: ./dev test fault builds it`);
    this.env = { LD_PRELOAD: shim, DISK_FAULT: this.order };
  }
  fail(what: "fsync EIO once" | "write EIO" | "write ENOSPC"): void {
    writeFileSync(this.order, what);
  }
  mend(): void {
    rmSync(this.order, { force: true });
  }
  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
