"""A network of a test's own, which reaches nothing but its loopback interface (network_namespaces(7))."""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_REQUEST = struct.Struct("16sh14x")

T = TypeVar("T")


def in_own_network(work: Callable[[], T]) -> T:
    """Call `work` in a thread that is in a new network, as are the processes that it starts; or skip the test."""
    if sys.platform != "linux":
        pytest.skip("networks of a test's own need Linux")

    def alone() -> T:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
            reason = os.strerror(ctypes.get_errno())
            pytest.skip(f"this account may not make a network of its own ({reason}); root may")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            asked = _REQUEST.pack(b"lo", 0)
            _, flags = _REQUEST.unpack(fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked))
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, _REQUEST.pack(b"lo", flags | _IFF_UP))
        assert [name for _, name in socket.if_nameindex()] == ["lo"]
        return work()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(alone).result()
