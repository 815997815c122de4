/** Gives up root's rights: web servers start piped programs as root. */
import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { LogspreadError, reasonOf, systemCodeOf } from "../message/error.ts";

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The user of that name. Throws BAD_ARGUMENT if there is none, or if it is root. */
export function findUser(name: string): User {
  const user = userInPasswd(name) ?? userOfSystem(name);
  if (user === undefined) throw badUser(name, "there is no such user", "Create it, or name another with --user");
  if (user.uid === 0) throw badUser(name, "it is root itself", "Name a user without rights, such as www-data");
  return user;
}

function userInPasswd(name: string): User | undefined {
  let passwd: string;
  try {
    passwd = readFileSync("/etc/passwd", "utf8");
  } catch {
    return undefined;
  }
  for (const line of passwd.split("\n")) {
    const [found, , uid, gid] = line.split(":");
    if (found === name && /^\d+$/.test(uid ?? "") && /^\d+$/.test(gid ?? "")) {
      return { name, uid: Number(uid), gid: Number(gid) };
    }
  }
  return undefined;
}

/** Users of LDAP and the like, which only the C library knows. */
function userOfSystem(name: string): User | undefined {
  const { execFileSync } = process.getBuiltinModule("node:child_process");
  const ask = (flag: string) =>
    Number(execFileSync("id", [flag, "--", name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  try {
    return { name, uid: ask("-u"), gid: ask("-g") };
  } catch {
    return undefined;
  }
}

/**
 * Makes `folder` the user's if it is new, and becomes that user for good. Throws if root's rights could be taken again.
 * A process that is that user already stays as it is.
 */
export function becomeUser(user: User, folder: string | undefined): void {
  if (process.getuid!() === user.uid && process.geteuid!() === user.uid) return;
  if (process.geteuid!() !== 0) throw badUser(user.name, "only root can become another user", "Leave --user out");
  if (folder !== undefined && mkdirSync(folder, { recursive: true, mode: 0o750 }) !== undefined) {
    chownSync(folder, user.uid, user.gid);
  }
  // Missing in the type of `process`.
  (process as typeof process & { initgroups(user: string, group: number): void }).initgroups(user.name, user.gid);
  process.setgid!(user.gid);
  process.setuid!(user.uid);
  for (const back of [() => process.setuid!(0), () => process.seteuid!(0), () => process.setgid!(0)]) {
    let regained = true;
    try {
      back();
    } catch (thrown) {
      if (systemCodeOf(thrown) !== "EPERM") throw badUser(user.name, reasonOf(thrown), "Report this");
      regained = false;
    }
    if (regained && user.gid !== 0) throw badUser(user.name, "root's rights could be taken again", "Report this");
  }
}

function badUser(name: string, why: string, fix: string): LogspreadError {
  return new LogspreadError("BAD_ARGUMENT", { what: `cannot become user ${JSON.stringify(name)}`, why, fix });
}
