"""inside.py FOLDER COMMAND...: furnishes namespaces made by `unshare --net --mount`, then becomes the command.

Loopback is up and is all the network there is; /run/pcscd is FOLDER, so that pcscd's socket is seen from outside as well.
"""
import fcntl
import os
import socket
import struct
import subprocess
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def raise_loopback():
    with socket.socket() as any_socket:
        name = b"lo".ljust(16, b"\0")
        flags = struct.unpack("16xH22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, name + bytes(24)))[0]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, name + struct.pack("H22x", flags | IFF_UP))


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    raise_loopback()
    # Where there is no such folder, one is made in a /run of our own.
    if not os.path.isdir("/run/pcscd"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        os.mkdir("/run/pcscd")
    subprocess.run(["mount", "--bind", folder, "/run/pcscd"], check=True)
    os.execvp(command[0], command)


main()
