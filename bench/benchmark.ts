/** What a benchmark is: a file in this folder that exports one, and a line in benchmarks.ts. */

/** What every benchmark may use. */
export interface Surroundings {
  /** The Node that runs the program, and the program: dist/cli/main.js. */
  readonly node: string;
  readonly program: string;
  /** An empty folder, deleted afterwards. */
  readonly folder: string;
  /** Lines to send, or undefined for what the benchmark thinks right. */
  readonly lines: number | undefined;
  /** Times that each candidate is measured, in turn. */
  readonly rounds: number;
  /** Seconds for what is measured over time. */
  readonly seconds: number;
  /** A little of everything: to see that it works, not how fast. */
  readonly short: boolean;
  /** Only logspread, none of the programs that it is compared with. */
  readonly alone: boolean;
  /** Tells the person who waits what goes on. */
  readonly say: (text: string) => void;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A figure that we want to reach. */
export interface Target {
  readonly what: string;
  readonly got: number;
  readonly wanted: { readonly atLeast: number } | { readonly atMost: number };
  readonly unit: string;
}

export interface Outcome {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** Lines that were lost, doubled, damaged or swapped: the measurement is void. */
  readonly faults: readonly string[];
  /** Of this run: what could not be measured, and why. */
  readonly missing?: readonly string[];
}

export interface Benchmark {
  readonly name: string;
  /** One sentence. */
  readonly measures: string;
  readonly doesNotMeasure: readonly string[];
  run(surroundings: Surroundings): Promise<Outcome>;
}

export function isMet({ got, wanted }: Target): boolean {
  return "atLeast" in wanted ? got >= wanted.atLeast : got <= wanted.atMost;
}
