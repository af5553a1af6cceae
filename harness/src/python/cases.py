"""The harness's cases on D-MemFS, timed inside Python.

Reads one JSON object a line from standard input, {"workload": ..., "params": {...}}, and answers each
with one line: {"values": {...}, "cannot": {...}, "checks": n}, {"cannot": reason}, {"full": true} or
{"failed": reason}.

Rules: no tracing; the garbage collector stays on, as in a program that knows nothing of this harness,
and collects before each repetition; the first repetition is not counted where a case is repeated;
only calls of the package are between two readings of the clock, so making and dropping the store,
rewriting the source and checking the answer are not timed; each call is timed by itself, which adds about
0.1 us to each; the source is a bytearray that is rewritten before every write; reads go into a buffer of
the caller. The shapes and the names of cases, parameters and values are those of the workloads of the same
names in Rust, but that the large stream runs in the interpreter that ran what came before it.
"""

import gc
import json
import platform
import random
import sys
import time
import zlib

import dmemfs

clock = time.perf_counter_ns

PLENTY = 1 << 40  # above any case, as for the other stores
ENOUGH = 20_000_000  # a short case is repeated until it took so many nanoseconds
LONG = 200_000_000  # a first repetition that took so long is not repeated
ENOUGH_OF_A_PHASE = 7_000_000  # a phase of random access
MOST_PASSES_ON_NEW = 8  # of it where each is on a new file
MOST_REPETITIONS = 256
BETWEEN_CHECKS = 16  # writes of the same file


class Wrong(Exception):
    """An answer that is not what it had to be."""


class Cannot(Exception):
    """What this package has no way to do."""


class Source:
    """A buffer that is rewritten for every write."""

    def __init__(self, size):
        self.buffer = bytearray(random.Random(size).randbytes(size))
        self.changing = len(range(16, size, 512))

    def stamp(self, key, number):
        """Rewrites the buffer, in every 512 bytes; returns it with its checksum."""
        buffer = self.buffer
        buffer[0:8] = key.to_bytes(8, "little")
        buffer[8:16] = number.to_bytes(8, "little")
        buffer[16::512] = bytes([(key * 31 + number) & 255]) * self.changing
        return buffer, zlib.crc32(buffer)


class Times:
    """Nanoseconds of each phase, and how many answers were checked."""

    def __init__(self):
        self.spent = {}
        self.checks = 0

    def add(self, phase, spent):
        self.spent[phase] = self.spent.get(phase, 0) + spent

    def check(self, right, what):
        if not right:
            raise Wrong(what)
        self.checks += 1


def filesystem():
    return dmemfs.MemoryFileSystem(max_quota=PLENTY)


def write(times, fs, path, data):
    began = clock()
    with fs.open(path, "wb") as file:
        file.write(data)
    times.add("write", clock() - began)


def read(times, fs, path, buffer, checksum):
    began = clock()
    with fs.open(path, "rb") as file:
        size = file.readinto(buffer)
    times.add("read", clock() - began)
    times.check(size == len(buffer), f"{path} gave {size} bytes, not {len(buffer)}")
    times.check(zlib.crc32(buffer) == checksum, f"{path} has other bytes than were written")


def write_then_read(times, params, order):
    """Writes files in one directory, then reads each once."""
    fs = filesystem()
    fs.mkdir("/files")
    source = Source(params["size"])
    files = [f"/files/f{index:05}" for index in range(params["files"])]
    checksums = []
    for index, path in enumerate(files):
        data, checksum = source.stamp(index, 1)
        checksums.append(checksum)
        write(times, fs, path, data)
    buffer = bytearray(params["size"])
    for index in order(len(files)):
        read(times, fs, files[index], buffer, checksums[index])


def small_files(times, params):
    write_then_read(times, params, range)


def many_files(times, params):
    def shuffled(count):
        order = list(range(count))
        random.Random(count).shuffle(order)
        return order

    write_then_read(times, params, shuffled)


def stream(times, params):
    """Writes a file in pieces through one handle, then reads it in pieces through another."""
    fs = filesystem()
    source = Source(params["piece"])
    pieces = params["size"] // params["piece"]
    checksums = []
    began = clock()
    file = fs.open("/stream", "wb")
    times.add("write", clock() - began)
    for index in range(pieces):
        data, checksum = source.stamp(index, 1)
        checksums.append(checksum)
        began = clock()
        file.write(data)
        times.add("write", clock() - began)
    began = clock()
    file.close()
    times.add("write", clock() - began)

    buffer = bytearray(params["piece"])
    began = clock()
    file = fs.open("/stream", "rb")
    times.add("read", clock() - began)
    for index, checksum in enumerate(checksums):
        began = clock()
        size = file.readinto(buffer)
        times.add("read", clock() - began)
        times.check(size == len(buffer), f"piece {index} has {size} bytes, not {len(buffer)}")
        times.check(zlib.crc32(buffer) == checksum, f"piece {index} has other bytes than were written")
    began = clock()
    end = file.readinto(buffer)
    file.close()
    times.add("read", clock() - began)
    times.check(end == 0, f"{end} bytes follow after the last piece")


def random_access(times, params):
    """Random reads of one file, random writes in place to a new one, more of them, both in turns.

    The first write to a new file includes the copy by which the package makes it fit for writes in place.
    A model does the same.
    """
    size, piece, operations = params["size"], params["piece"], params["operations"]
    fs = filesystem()
    model = bytearray(random.Random(size).randbytes(size))
    source = Source(piece)
    buffer = bytearray(piece)
    written = 0

    def renew():
        model[0:8] = written.to_bytes(8, "little")
        with fs.open("/random", "wb") as file:
            file.write(model)

    def read_piece(phase, file, offset):
        began = clock()
        file.seek(offset)
        got = file.readinto(buffer)
        times.add(phase, clock() - began)
        times.check(got == piece, f"{got} bytes were read at {offset}, not {piece}")
        times.check(buffer == model[offset : offset + piece], f"other bytes were read at {offset}")

    def write_piece(phase, file, offset, index):
        nonlocal written
        written += 1
        data, _ = source.stamp(index, written)
        model[offset : offset + piece] = data
        began = clock()
        file.seek(offset)
        file.write(data)
        times.add(phase, clock() - began)

    def one_pass(seed, phase, mode, writes):
        chance = random.Random(seed)
        began = clock()
        file = fs.open("/random", mode)
        times.add(phase, clock() - began)
        for index in range(operations):
            offset = chance.randrange(size - piece + 1)
            if writes(index):
                write_piece(phase, file, offset, index)
            else:
                read_piece(phase, file, offset)
        began = clock()
        file.close()
        times.add(phase, clock() - began)

    def passes(number, phase, mode, writes, new=False):
        """As many passes as are long enough, on one file or each on a new one; the time becomes their mean."""
        done = 0
        most = MOST_PASSES_ON_NEW if new else MOST_REPETITIONS
        while done < most and times.spent.get(phase, 0) < ENOUGH_OF_A_PHASE:
            done += 1
            if new:
                renew()
            one_pass(number << 32 | done, phase, mode, writes)
        times.spent[phase] /= done

    renew()
    passes(1, "read", "rb", lambda _: False)
    passes(2, "write", "r+b", lambda _: True, new=True)
    passes(3, "write-again", "r+b", lambda _: True)
    passes(4, "mixed", "r+b", lambda index: index % 2 == 0)
    with fs.open("/random", "rb") as file:
        times.check(file.read() == model, "the file is not what its writes make it")


def deep_read(times, params):
    """Replaces a file below many directories again and again, then reads it again and again.

    Every tenth directory on the way has a file of its own.
    """
    fs = filesystem()
    source = Source(params["size"])
    directory, others = "", []
    for level in range(1, params["depth"] + 1):
        directory += f"/d{level:02}"
        fs.mkdir(directory)
        if level % 10 == 0 and level < params["depth"]:
            data, checksum = source.stamp(level, 1)
            with fs.open(directory + "/file", "wb") as file:
                file.write(data)
            others.append((directory + "/file", checksum))
    path = directory + "/file"
    buffer = bytearray(params["size"])

    def check(path, checksum):
        with fs.open(path, "rb") as file:
            times.check(zlib.crc32(file.read()) == checksum, f"{path} is not what was written last")

    for index in range(params["writes"]):
        data, checksum = source.stamp(0, index)
        write(times, fs, path, data)
        if index % BETWEEN_CHECKS == BETWEEN_CHECKS - 1 or index == params["writes"] - 1:
            check(path, checksum)
    for _ in range(params["reads"]):
        buffer[0:8] = bytes(8)  # so that each read has to put something there
        read(times, fs, path, buffer, checksum)
    for path, checksum in others:
        check(path, checksum)


CASES = {
    "small-files": small_files,
    "stream": stream,
    "random-access": random_access,
    "large-stream": stream,
    "many-files": many_files,
    "deep-read": deep_read,
}
# Random access repeats its phases on one file; the large stream is long enough.
ONCE = ("random-access", "large-stream")


def measure(case, params, once_only):
    """Repeats a case on fresh filesystems until it took long enough; means of each phase."""
    if params.get("process") == "fresh":
        raise Cannot("runs in the same interpreter for all rounds")
    spent, repetitions, checks = {}, 0, 0

    def once():
        nonlocal checks
        gc.collect()
        times = Times()
        case(times, params)
        checks += times.checks
        return times.spent

    if once_only:
        most = 1
    else:
        # To warm up, unless it is long.
        spent = once()
        repetitions = 1
        if sum(spent.values()) < LONG:
            spent, repetitions = {}, 0
        most = MOST_REPETITIONS
    while repetitions < most and sum(spent.values()) < ENOUGH:
        for phase, time_of_phase in once().items():
            spent[phase] = spent.get(phase, 0) + time_of_phase
        repetitions += 1
    values = {phase: time_of_phase / repetitions for phase, time_of_phase in spent.items()}
    values["total"] = values["write"] + values["read"]
    answer = {"values": values, "checks": checks}
    if case in (small_files, many_files):
        answer["cannot"] = {"read-zero-copy": "has no way to lend the bytes of a file"}
    return answer


def answer(line):
    try:
        request = json.loads(line)
        case = CASES.get(request["workload"])
        if case is None:
            raise Cannot("has no such case in Python")
        return measure(case, request["params"], request["workload"] in ONCE)
    except Cannot as error:
        return {"cannot": str(error)}
    except dmemfs.MFSQuotaExceededError:
        return {"full": True}
    except Exception as error:  # whatever went wrong is the answer
        return {"failed": f"{type(error).__name__}: {error}"}


def main():
    # What anything prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say({
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "package": dmemfs.__version__,
    })
    for line in sys.stdin:
        say(answer(line))


main()
