"""Stands in for the package in tests of the cases; its first argument is what it does wrong."""

import sys
import types

FAULT = sys.argv[1]


class File:
    def __init__(self, files, path, mode):
        if mode == "wb":
            files[path] = bytearray()
        self.data, self.position = files[path], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        pass

    def seek(self, position):
        self.position = position

    def write(self, data):
        if FAULT == "full":
            raise Full()
        end = self.position + len(data)
        if FAULT == "torn":
            data = data[:-1] + b"\0"
        if not (FAULT == "lost" and self.position > 0):
            self.data[self.position : end] = data
        self.position = end

    def read(self):
        return bytes(self.data[self.position :])

    def readinto(self, buffer):
        data = self.data[self.position : self.position + len(buffer)]
        if FAULT == "short":
            data = data[:-1]
        if FAULT != "stale":
            buffer[: len(data)] = data
        self.position += len(data)
        return len(data)


class Full(OSError):
    pass


class MemoryFileSystem:
    def __init__(self, max_quota):
        self.files = {}

    def mkdir(self, path):
        print("noise that is no answer")

    def open(self, path, mode):
        if FAULT == "dies":
            sys.exit("had enough")
        return File(self.files, path, mode)


module = types.ModuleType("dmemfs")
module.__version__ = "fake"
module.MemoryFileSystem = MemoryFileSystem
module.MFSQuotaExceededError = Full
sys.modules["dmemfs"] = module
