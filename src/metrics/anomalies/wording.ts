/** Figures as they stand in the sentence that tells a person of an anomaly. */

export function percent(share: number): string {
  return `${digits(share * 100)} %`;
}

export function seconds(value: number): string {
  const size = Math.abs(value);
  if (size < 0.001) return `${digits(value * 1e6)} µs`;
  return size < 1 ? `${digits(value * 1e3)} ms` : `${digits(value)} s`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${digits(value)} bytes`;
  return value < 1e6 ? `${digits(value / 1e3)} kB` : `${digits(value / 1e6)} MB`;
}

export function perSecond(value: number): string {
  return `${digits(value)} requests/s`;
}

/** Two significant digits, whole from ten on. */
function digits(value: number): string {
  return Math.abs(value) >= 9.95 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
