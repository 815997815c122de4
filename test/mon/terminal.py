"""Runs a command in a terminal of its own: terminal.py COLUMNS ROWS COMMAND...

What the command writes goes to standard output. Standard input takes a line each: "keys HEX", "resize COLUMNS ROWS",
"signal NUMBER", "hangup". At the end a line of JSON on standard error tells how it ended and whether the terminal's mode
is that of the beginning.
"""
import fcntl, json, os, pty, select, struct, sys, termios

columns, rows, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
master, slave = pty.openpty()


def resize(columns, rows):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(columns, rows)
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(slave)
    os.execvp(command[0], command)

status = None
pending = b""
inputs = [master, 0]
restored = None
while status is None or inputs:
    readable, _, _ = select.select(inputs, [], [], 0.05)
    if master in readable:
        data = os.read(master, 65536)
        os.write(1, data)
    if 0 in readable:
        data = os.read(0, 65536)
        if data == b"":
            inputs.remove(0)
        pending += data
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            words = line.decode().split()
            if words[0] == "keys":
                os.write(master, bytes.fromhex(words[1]))
            elif words[0] == "resize":
                resize(int(words[1]), int(words[2]))
            elif words[0] == "signal":
                os.kill(child, int(words[1]))
            elif words[0] == "hangup":
                inputs.remove(master)
                os.close(master)
                os.close(slave)
    if status is None:
        pid, ended = os.waitpid(child, os.WNOHANG)
        if pid == child:
            status = ended
            continue  # once more round, for what it wrote last
    elif not readable:
        break

if master in inputs:
    # Flags and the keys that mean something; what the kernel keeps there beside them is its own.
    restored = termios.tcgetattr(slave)[:4] == before[:4]
code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
print(json.dumps({"code": code, "signal": signal, "restored": restored}), file=sys.stderr)
