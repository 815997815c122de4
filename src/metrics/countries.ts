/** Countries of addresses, from a file in MaxMind's format (GeoLite2-Country.mmdb and the like) that the user brings. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { LogspreadError, reasonOf } from "../message/error.ts";
import type { CountryOf } from "./request-reader.ts";

/** What such files say of an address, as far as we look. */
interface Place {
  readonly country?: { readonly iso_code?: string };
  readonly registered_country?: { readonly iso_code?: string };
  /** Some makers' files have no more than this. */
  readonly country_code?: string;
}

/** Opens the file at `path`; undefined without one. The library is loaded only here. Throws BAD_CONFIG that says what is wrong. */
export async function countriesOf(path: string | undefined): Promise<CountryOf | undefined> {
  if (path === undefined) return undefined;
  const { Reader } = await import("mmdb-lib");
  try {
    const reader = new Reader(await readFile(path));
    return (address) => {
      if (isIP(address) === 0) return undefined;
      const place = reader.get(address) as Place | null;
      return place?.country?.iso_code ?? place?.registered_country?.iso_code ?? place?.country_code;
    };
  } catch (cause) {
    throw new LogspreadError(
      "BAD_CONFIG",
      {
        what: `cannot tell countries by ${path}`,
        why: reasonOf(cause),
        fix: "Name a country or city database in MaxMind's format (.mmdb)",
      },
      { cause },
    );
  }
}
