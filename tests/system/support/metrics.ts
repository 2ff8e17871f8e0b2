// What /metrics says, as a test asks for it.
import { authorization } from "./token.ts";

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export class Metrics {
  private readonly samples: Sample[] = [];
  private readonly helps = new Map<string, string>();
  private readonly types = new Map<string, string>();

  /** REQUIRES the text format; a line that is none is an error. */
  constructor(text: string) {
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const comment = line.match(/^# (HELP|TYPE) (\S+) (.*)$/);
      if (comment) {
        (comment[1] === "HELP" ? this.helps : this.types).set(comment[2]!, comment[3]!);
        continue;
      }
      const sample = line.match(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/);
      if (!sample) throw new Error(`this is no line of /metrics: ${line}`);
      const labels: Record<string, string> = {};
      for (const [, name, value] of (sample[2] ?? "").matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) labels[name!] = value!;
      this.samples.push({ name: sample[1]!, labels, value: Number(sample[3]) });
    }
  }

  /** The metrics, a histogram under its one name. */
  names(): string[] {
    return [...this.types.keys()];
  }
  help(name: string): string {
    return this.helps.get(name) ?? "";
  }
  type(name: string): string | undefined {
    return this.types.get(name);
  }
  /** Whether a line has this name: of a histogram those of its buckets, sum and count. */
  hasSample(name: string): boolean {
    return this.samples.some((sample) => sample.name === name);
  }
  /** The labels of a metric or of a line. */
  labels(name: string): string[] {
    const own = this.samples.find((sample) => sample.name === name || sample.name === `${name}_count`);
    return own ? Object.keys(own.labels) : [];
  }
  /** The sum of all lines of this name with these labels. */
  value(name: string, labels: object = {}): number {
    const wanted = Object.entries(labels);
    return this.samples
      .filter((sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value))
      .reduce((sum, sample) => sum + sample.value, 0);
  }
}

export async function readMetrics(url: string): Promise<Metrics> {
  const reply = await fetch(`${url}/metrics`, { headers: authorization(url) });
  if (reply.status !== 200) throw new Error(`/metrics answered ${reply.status}`);
  return new Metrics(await reply.text());
}
