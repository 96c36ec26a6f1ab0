"""C and C++: gdb's ``#n 0x.. in fn (args) at f:l`` and the sanitizers' ``#n 0x.. in fn f:l:c``.

Both innermost first. Names are compared without arguments, template arguments and return types,
which compilers and debuggers write in different ways.
"""

import re
from typing import Final

from pipeline.process.stacks.frame import Frame, clean_function, lines_from, number, without
from pipeline.process.values import words

_START = re.compile(r"^[ \t*]{0,20}(?:frame )?#(\d{1,5}):? {1,4}", re.MULTILINE)
_ADDRESS = re.compile(r"0x[0-9a-f]{1,16} {1,4}(?:in )?")
_BRACKETS = re.compile(r"[<>()]")
_OPERATOR = re.compile(r"\boperator ?(\(\)|\[\]|[<>=+\-*/%&|^~!,]{1,3})")
_SIGNS: Final = {"<": "lt", ">": "gt", "()": "call", "[]": "at", "<<": "shl", ">>": "shr"}
_ANONYMOUS = re.compile(r"(?:\(anonymous namespace\)|\{anonymous\}|\(anonymous\))(?:::)?")
_CLONE = re.compile(r"\.(?:isra|part|constprop|cold|llvm|lto_priv|localalias)\b")
_MODULE = re.compile(
    r" ?\((?:<unknown module>|[^()]{0,500}\+0x[0-9a-f]{1,16}|BuildId[^()]{0,100})\)"
)
_PLACE = re.compile(r"(.{1,500}?):(\d{1,9})(?::\d{1,9})?$")
_SANITIZER = re.compile(
    r"(\w{1,20}Sanitizer): ([A-Za-z-]{1,40}(?: (?!on\b)[A-Za-z-]{1,40}){0,2})(?!\w)"
    r"[^\n]{0,300}(?:\n(READ|WRITE) )?"
)
_SIGNAL = re.compile(
    r"(?:received signal|terminated with signal|stop reason =(?: signal)?) (\w{1,30})"
    r"(?:, ([^\n]{0,200}))?"
)
_THROWN = re.compile(
    r"after throwing an instance of '([^'\n]{1,200})'(?:\n\s{1,8}what\(\):\s{1,4}([^\n]{0,8000}))?"
)
_TYPE_ONLY: Final = {"const", "volatile", "&", "&&", "noexcept"}

_LIBRARY_PATHS: Final = (
    *("/lib/x86_64-", "/lib/aarch64-", "/usr/lib", "/lib64/", "/usr/include/", "/dyld"),
    *("sysdeps/", "/csu/", "/glibc-2.", "/compiler-rt/", "/libsanitizer/", "/libstdc++"),
)
_LIBC_FOLDERS: Final = (
    *("./assert/", "./csu/", "./debug/", "./libio/", "./malloc/", "./nptl/", "./signal/"),
    *("./stdlib/", "./string/"),
)
_LIBRARY_NAMES: Final = (
    *("std::", "__", "_start", "fuzzer::", "abi::", "_Unwind_", "___interceptor"),
    *("operator new", "operator delete"),
)
_LIBC: Final = words(
    "abort raise gsignal pthread_kill start_thread clone malloc calloc realloc free memcpy memmove "
    "memset memcmp strlen strcpy strncpy strcat strcmp strncmp strdup sprintf printf vfprintf "
    "malloc_printerr munmap_chunk _int_malloc _int_free RtlUserThreadStart BaseThreadInitThunk"
)


def parse(text: str) -> list[Frame]:
    """Return the frames of the first stack, innermost first; none if it is not native code."""
    start = _START.search(text) if "#" in text else None
    if start is None:
        return []
    frames: list[Frame] = []
    last = -1
    for line in _whole_lines(lines_from(text, start.start())):
        found = _START.match(line)
        if found is None:
            continue  # a frame's variables
        if int(found[1]) <= last:
            break  # what was freed and allocated before, or another thread
        last = int(found[1])
        call = line[found.end() :].strip()
        frame = _frame(call)
        if call == "<signal handler called>":
            frames.clear()  # the handler reports what happened below it
        elif frame is not None:
            frames.append(frame)
    return frames


def headline(text: str) -> tuple[str, str]:
    """Return what a sanitizer, a debugger or the C++ runtime says was raised."""
    start = _START.search(text)
    if start is not None and start[1] != "0":
        return "", ""  # the head was cut off
    head = text[: start.start()] if start else ""
    found = _SANITIZER.search(head)
    if found is not None:
        return found[2].replace(" ", "-"), f"{found[1]}: {found[3] or ''}".rstrip(": ")
    thrown, signal = _THROWN.search(head), _SIGNAL.search(head)
    if thrown is not None:
        return thrown[1], (thrown[2] or "").strip()
    if signal is not None:
        return signal[1], (signal[2] or "").strip()
    at = head.find(": runtime error: ")
    if at >= 0:
        return "UndefinedBehavior", head[at + 17 :].partition("\n")[0].strip()
    type_, _, message = head.strip().partition("\n")[0].partition(": ")
    return type_, message


def clean(raw: str) -> str:
    """Return a function's name without arguments, template arguments and the type it returns."""
    name = _ANONYMOUS.sub("", raw[:500])
    name = _OPERATOR.sub(lambda sign: f"operator_{_SIGNS.get(sign[1], 'sign')}", name)
    name = _CLONE.split(without(without(without(name, "<", ">"), "(", ")"), "[", "]"), maxsplit=1)[
        0
    ]
    name = re.sub(r":{3,}", "::", name.partition("@")[0])
    head, sign, rest = name.partition("operator ")
    words = [word for word in head.split() if word not in _TYPE_ONLY]
    name = words[-1] if words else ""
    if sign:
        kept = [word for word in rest.split() if word not in _TYPE_ONLY]
        name = (name if head[-1:] == ":" else "") + sign + " ".join(kept)
    return clean_function(name).strip(":")


def is_ours(function: str, path: str) -> bool:
    """Tell code of an application from that of the C and C++ runtimes and of sanitizers."""
    if function.startswith(_LIBRARY_NAMES) or function in _LIBC or not (function or path):
        return False
    return not path.startswith(_LIBC_FOLDERS) and not any(mark in path for mark in _LIBRARY_PATHS)


def _whole_lines(lines: list[str]) -> list[str]:
    """Join the lines that a debugger broke at the width of its terminal."""
    whole: list[str] = []
    for line in lines:
        bare = line.strip()
        if not bare and whole:
            break
        if whole and line[:4] == "    " and line[4:5] not in " \t#*" and bare[:7] != "frame #":
            whole[-1] = f"{whole[-1].rstrip()} {bare}"
        else:
            whole.append(line)
    return whole


def _frame(call: str) -> Frame | None:
    """Return the frame of one line behind its number, or None if it is another language's."""
    address = _ADDRESS.match(call)
    if address is not None:
        call = call[address.end() :]
    binary, _, called = call.partition("`")
    if called and address is not None:
        return _lldb_frame(binary, called)
    args = _arguments_at(call)
    if args > 0 and not _MODULE.match(call, args):
        function, path, line = call[:args], *_gdb_place(call)
    elif address is not None or _MODULE.search(call):
        function, path, line = _sanitizer_place(call)
    else:
        return None
    function = clean(function)
    return Frame(function, path, line, is_ours(function, path))


def _lldb_frame(binary: str, call: str) -> Frame:
    """Return the frame of lldb's ``binary`fn(args) at f:l:c`` or ``binary`fn + n``."""
    called, at, place = call.rpartition(") at ")
    found = _PLACE.match(place) if at else None
    path, line = (found[1], number(found[2])) if found else (f"/{binary}", 0)
    function = clean((called if at else place).partition(" + ")[0])
    return Frame(function, path, line, is_ours(function, path))


def _arguments_at(call: str) -> int:
    """Return where gdb's arguments begin: the first blank and bracket outside of all brackets."""
    hidden = _OPERATOR.sub(lambda sign: "operator" + "_" * (len(sign[0]) - 8), call[:500])
    depth = 0
    for found in _BRACKETS.finditer(hidden):
        at = found.start()
        if found[0] in ">)":
            depth = max(depth - 1, 0)
        elif found[0] == "(" and not depth and hidden[at - 1 : at] == " ":
            return at - 1
        else:
            depth += 1
    return -1


def _gdb_place(call: str) -> tuple[str, int]:
    """Return file and line of gdb's ``at f:l``, or the library of its ``from f``."""
    at, library = call.rfind(") at "), call.rfind(") from ")
    if at < 0:
        return (call[library + 7 :].strip() if library >= 0 else ""), 0
    found = _PLACE.match(call[at + 5 :].strip())
    return (found[1], number(found[2])) if found else (call[at + 5 :].strip(), 0)


def _sanitizer_place(call: str) -> tuple[str, str, int]:
    """Return function, file and line of ``fn f:l:c`` or ``fn (binary+0x..)``."""
    module = _MODULE.search(call)
    bare = call[: module.start()] if module else call
    at = bare.find(" /")
    at = bare.rfind(" ") if at < 0 else at
    found = _PLACE.match(bare[at + 1 :].strip()) if at > 0 else None
    if found is not None:
        return bare[:at], found[1], number(found[2])
    binary = module[0].strip(" ()").rpartition("+")[0] if module else ""
    return bare, binary, 0
