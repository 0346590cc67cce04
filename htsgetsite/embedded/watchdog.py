"""Stop the embedded PostgreSQL once no process uses it, however its users ended.

Run as a script with the standard library only: `watchdog.py LOCKS DATA PG_CTL UID GID`. Every user holds a shared lock
on LOCKS/postgres.users.lock; the kernel releases it even if the user dies by SIGKILL, SIGTERM or SIGHUP. The watchdog
waits for the exclusive lock, which it gets when the last user has ended, and then stops the server.
"""

import fcntl
import os
import signal
import subprocess
import sys


def main(locks: str, data: str, pg_ctl: str, uid: int, gid: int) -> None:
    """Wait until the last user has ended and stop the server; return at once if another watchdog runs."""
    os.chdir("/")
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    own = os.open(os.path.join(locks, "postgres.watchdog.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    users = os.open(os.path.join(locks, "postgres.users.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_EX)
    if os.path.exists(os.path.join(data, "postmaster.pid")):
        root = os.geteuid() == 0
        subprocess.run(
            [pg_ctl, "-D", data, "-m", "fast", "-w", "-t", "60", "stop"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            user=uid if root else None,
            group=gid if root else None,
            extra_groups=[] if root else None,
        )
    # In this order: the process that gets the users' lock next must see that it needs a new watchdog.
    os.close(own)
    os.close(users)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
