"""Reads C for scripts/arrows: what a file includes, declares and uses, and how long its functions are.

No compiler: comments and texts are taken out, and the rest is read as our style writes it. A header that makes its
declarations from a .def (STATUS(...), then an #include of the list) is read with the list expanded.
"""
import collections
import functools
import re

# The names for which a system header is included. A header that is not here is a violation.
SYSTEM_NAMES = {
    "arpa/inet.h": r"[hn]to[hn][sl]|inet_\w+",
    "asm/sockios.h": r"(SIO|FIO)\w+",
    "assert.h": r"assert",
    "check.h": r"ck_\w+|START_TEST|tcase_\w+|TTest|CK_\w+",
    "ctype.h": r"(is|to)(alpha|digit|alnum|space|upper|lower|print|xdigit|graph|punct|cntrl)",
    "curl/curl.h": r"curl_\w+|CURL\w*",
    "dirent.h": r"DIR|\w+dir|dirent|scandir",
    "dlfcn.h": r"dl(open|sym|close|error|addr)",
    "errno.h": r"errno|E[A-Z0-9]+|program_invocation_\w+",
    "fcntl.h": r"O_[A-Z]+|open|openat|fcntl|F_[A-Z_]+|AT_[A-Z_]+|creat|posix_\w+",
    "ftw.h": r"n?ftw|FTW_\w+",
    "getopt.h": r"getopt\w*|opt(arg|ind|err|opt)",
    "glob.h": r"glob(free|_t)?|GLOB_\w+",
    "grp.h": r"(set|get|init)groups|getgr\w+|group",
    "inttypes.h": r"PRI\w+|SCN\w+|strto[iu]max",
    "jansson.h": r"json_\w+|JSON_\w+",
    "libp11.h": r"PKCS11_\w+|ERR_LIB_PKCS11",
    "limits.h": r"\w+_(MAX|MIN)|CHAR_BIT",
    "link.h": r"ElfW|E[IT]_[A-Z]+|[DP]T_\w+|DF_\w+",
    "linux/capability.h": r"__user_cap_\w+|CAP_\w+|_LINUX_CAPABILITY_\w+",
    "linux/landlock.h": r"landlock_\w+|LANDLOCK_\w+",
    "linux/netlink.h": r"sockaddr_nl|NETLINK_\w+",
    "linux/sched.h": r"CLONE_\w+|SCHED_\w+|clone_args",
    "linux/sched/types.h": r"sched_attr",
    "linux/sockios.h": r"SIOC?\w+",
    "malloc.h": r"mallopt|mallinfo2|M_[A-Z_]+",
    "microhttpd.h": r"MHD_\w+",
    "netinet/in.h": r"sockaddr_in6?|INADDR_\w+|IPPROTO_\w+|in6?_addr",
    "netinet/tcp.h": r"TCP_\w+",
    "openssl/bn.h": r"BN_\w+|BIGNUM",
    "openssl/core_names.h": r"OSSL_\w+",
    "openssl/crypto.h": r"OPENSSL_\w+|CRYPTO_\w+",
    "openssl/ec.h": r"EC_\w+|EVP_EC_\w+|EVP_PKEY_CTX_set_ec\w+|i2d_EC\w+|d2i_EC\w+|o2i_\w+",
    "openssl/ecdsa.h": r"ECDSA_\w+|\w+_ECDSA_SIG",
    "openssl/err.h": r"ERR_\w+",
    "openssl/evp.h": r"EVP_\w+|\w+_(PUBKEY|PrivateKey|AutoPrivateKey)",
    "openssl/hmac.h": r"HMAC\w*",
    "openssl/param_build.h": r"OSSL_PARAM\w*",
    "openssl/params.h": r"OSSL_PARAM\w*",
    "openssl/pem.h": r"PEM_\w+",
    "openssl/rand.h": r"RAND_\w+",
    "openssl/rsa.h": r"RSA_\w+|EVP_RSA_gen|EVP_PKEY_CTX_set_rsa\w+",
    "openssl/sha.h": r"SHA\w+",
    "openssl/ssl.h": r"SSL\w*|TLS\w*",
    "openssl/types.h": r"EVP_\w+|BIGNUM|BIO|X509\w*|OSSL_PARAM|SSL(_CTX)?",
    "openssl/x509.h": r"X509\w*|\w+_(PUBKEY|X509\w*|PrivateKey|AutoPrivateKey|PKCS8\w*)",
    "openssl/x509v3.h": r"X509V3_\w+|NID_\w+|X509_EXTENSION\w*",
    "p11-kit/pkcs11.h": r"CK\w+",
    "p11-kit/uri.h": r"p11_kit_uri\w*|P11KitUri|P11_KIT_URI\w*",
    "poll.h": r"p?poll|pollfd|POLL\w+",
    "pthread.h": r"pthread_\w+|PTHREAD_\w+",
    "pwd.h": r"getpw\w+|passwd",
    "qrencode.h": r"QR\w+",
    "sched.h": r"sched_\w+|SCHED_\w+|CPU_\w+|CLONE_\w+",
    "seccomp.h": r"seccomp_\w+|SCMP_\w+|scmp_\w+",
    "signal.h": r"SIG\w*|sig\w+|kill|raise|sa_\w+",
    "sqlite3.h": r"sqlite3\w*|SQLITE_\w+",
    "spawn.h": r"posix_spawn\w*|POSIX_SPAWN_\w+",
    "stdarg.h": r"va_\w+",
    "stdatomic.h": r"atomic_\w+|_Atomic|memory_order\w*",
    "stdbool.h": r"bool|true|false",
    "stddef.h": r"size_t|NULL|offsetof|ptrdiff_t|max_align_t",
    "stdint.h": r"u?int(8|16|32|64|max|ptr|_\w+)_t|U?INT\w+_(MAX|MIN|C)|SIZE_MAX",
    "stdio.h": r"v?[fsd]?n?printf|v?asprintf|FILE|f\w+|std(in|out|err)|puts?|putchar|perror|getline|sscanf|remove|"
               r"rename|E?OF|BUFSIZ|open_memstream|setvbuf|size_t",
    "stdlib.h": r"[mc]alloc|re\w*alloc\w*|free|_?exit|abort|atexit|strto\w+|getenv|secure_getenv|\w*setenv|qsort\w*|"
                r"bsearch|mk[ds]\w+|system|ato[il]+|s?random|s?rand|abs|labs|EXIT_\w+|realpath|aligned_alloc|arc4\w+|"
                r"drand48|[a-z]rand48\w*|size_t|NULL",
    "string.h": r"mem\w+|str\w+|explicit_bzero|NULL|size_t",
    "strings.h": r"strn?casecmp|bzero|ffs\w*|r?index",
    "sys/epoll.h": r"epoll_\w+|EPOLL\w+",
    "sys/eventfd.h": r"eventfd\w*|EFD_\w+",
    "sys/inotify.h": r"inotify_\w+|IN_[A-Z_]+",
    "sys/file.h": r"flock|LOCK_\w+",
    "sys/ioctl.h": r"ioctl|winsize|(TIOC|FIO)\w+",
    "sys/mman.h": r"mincore|mmap|munmap|m(un)?lock\w*|mprotect|madvise|MAP_\w+|PROT_\w+|MADV_\w+|memfd_\w+|MFD_\w+",
    "sys/prctl.h": r"prctl|PR_\w+",
    "sys/random.h": r"getrandom|getentropy|GRND_\w+",
    "sys/resource.h": r"rlimit|[sg]etrlimit|RLIMIT_\w+|RLIM_\w+|[sg]etpriority|PRIO_\w+|getrusage|rusage",
    "sys/signalfd.h": r"signalfd\w*|SFD_\w+",
    "sys/socket.h": r"socket\w*|sockaddr\w*|AF_\w+|SOCK_\w+|S[OH][L_UT]\w+|send\w*|recv\w*|bind|listen|accept4?|"
                    r"connect|[sg]etsockopt|msghdr|cmsghdr|CMSG_\w+|MSG_\w+|SCM_\w+|ucred|shutdown",
    "sys/stat.h": r"f?l?stat|fstatat|mkdir|f?chmod|umask|S_I\w+|mkfifo|utimensat",
    "sys/syscall.h": r"syscall|SYS_\w+|__NR_\w+",
    "sys/sysinfo.h": r"sysinfo|get_n?\w*procs\w*",
    "sys/time.h": r"timeval|itimerval|[sg]etitimer|ITIMER_\w+|[gs]ettimeofday|utimes",
    "sys/types.h": r"\w+_t",
    "sys/uio.h": r"\w*readv|\w*writev|iovec",
    "sys/un.h": r"sockaddr_un",
    "sys/wait.h": r"wait\w*|W[A-Z]+",
    "termios.h": r"tc\w+|termios|TCSA\w+|ECHO\w*",
    "threads.h": r"thread_local|thrd_\w+|mtx_\w+|once_flag|call_once",
    "time.h": r"timespec|time(_t)?|clock_\w+|CLOCK_\w+|\w*time\w*|tm|nanosleep|tzset",
    "unistd.h": r"read|write|p(read|write)|close|dup[23]?|pipe2?|v?fork|_exit|exec\w+|[sg]ete?[ug]id|[sg]etres[ug]id|"
                r"getp?pid|isatty|unlink\w*|rmdir|access|chdir|ch?root|f?chown|usleep|sleep|alarm|sysconf|_SC_\w+|"
                r"f(data)?sync|f?truncate|gethostname|[A-Z]+_FILENO|environ|ssize_t|lseek|getcwd|link|symlink|readlink|"
                r"SEEK_\w+|[RWXF]_OK|syscall|close_range|eaccess|setsid|pause|chroot|setgroups|pid_t|uid_t|gid_t",
    "yaml.h": r"yaml_\w+|YAML_\w+",
}

COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
PLAIN_INCLUDE = re.compile(r'#include (?:"[^"\s\\]+"|<[^>\s\\]+>)')
ANY_INCLUDE = re.compile(r"\s*(?:#|%:)\s*(?:include|import|embed)")
DEFINE = re.compile(r"#[ \t]*define[ \t]+(\w+)(?:\(([^)\n]*)\))?(.*)", re.DOTALL)
NAME = re.compile(r"\b[A-Za-z_]\w*")
# A file that a comment names, by its path or by its name: not part of a longer word, a pattern or an expression.
NAMED_FILE = re.compile(r"(?<![\w/.*{}<>-])((?:[a-z][a-z0-9_-]*/)*[a-z][a-z0-9_-]*\.(?:c|h|def))(?![\w*(\[]|\.\w)")

Include = collections.namedtuple("Include", "line is_ours path")


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def without_comments(text):
    """The text with comments as spaces; lines stay where they are."""
    return COMMENT_OR_TEXT.sub(
        lambda found: " " + "\n" * found[0].count("\n") if found[0][0] == "/" else found[0], text)


def logical_lines(code):
    return code.replace("\\\n", " ").split("\n")


def numbered_lines(text):
    """(line, how many lines it is, text) of each line; those that a backslash continues are one."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        end = at
        while lines[end].endswith("\\") and end + 1 < len(lines):
            end += 1
        yield at + 1, end + 1 - at, "\n".join(lines[at : end + 1])
        at = end + 1


def body_lines(body):
    """How many lines a body has, whether its braces stand on lines of their own or not."""
    lines = body.split("\n")
    return max(1, len(lines) - (not lines[0].strip()) - (len(lines) > 1 and not lines[-1].strip()))


def without_attributes(text):
    return re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", text)


def arguments_at(text, at):
    """The arguments of a macro call whose '(' is at `at`, and where the call ends; None if it does not end."""
    depth = 0
    start = at + 1
    arguments = []
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
        if (text[i] == "," and depth == 1) or depth == 0:
            arguments.append(text[start:i].strip())
            start = i + 1
        if depth == 0:
            return arguments, i + 1
    return None


def substitute(macro, arguments):
    parameters, body = macro
    if "..." in parameters:
        rest = len(parameters) - 1
        parameters = parameters[:rest] + ["__VA_ARGS__"]
        arguments = arguments[:rest] + [", ".join(arguments[rest:])]
    values = dict(zip(parameters, arguments))
    body = re.sub(r"(?<!#)#[ \t]*\w+", '""', body)
    return re.sub(r"[ \t]*##[ \t]*", "", NAME.sub(lambda name: values.get(name[0], name[0]), body))


def expand(text, macros, depth=0):
    """`text` with `macros` ({name: (parameters or None, body)}) expanded; enough of a preprocessor for a .def."""
    out = []
    at = 0
    for name in NAME.finditer(text):
        if name.start() < at or name[0] not in macros or depth > 16:
            continue
        macro = macros[name[0]]
        call = re.compile(r"\s*\(").match(text, name.end()) if macro[0] is not None else None
        read = arguments_at(text, call.end() - 1) if call else None
        if macro[0] is not None and read is None:
            continue
        end = read[1] if read else name.end()
        body = substitute(macro, read[0]) if read else macro[1]
        out.append(text[at:name.start()] + expand(body, macros, depth + 1))
        at = end
    return "".join(out) + text[at:]


def expand_lists(code, read_list):
    """The code without directives, with each included .def expanded; and the macros that stay defined."""
    macros = {}
    out = []
    for line in logical_lines(code):
        directive = line.lstrip()
        if not directive.startswith("#"):
            out.append(line)
            continue
        define = DEFINE.match(directive)
        if define:
            parameters = None if define[2] is None else [one.strip() for one in define[2].split(",")]
            macros[define[1]] = (parameters, define[3].strip())
            continue
        undefine = re.match(r"#\s*undef\s+(\w+)", directive)
        if undefine:
            macros.pop(undefine[1], None)
        include = INCLUDE.match(directive)
        if include and include[2].endswith(".def"):
            rows, local = expand_lists(read_list(include[2]), read_list)
            out.append(expand(rows, {**macros, **local}))
    return "\n".join(out), macros


def name_of(declaration):
    """The name that a declaration without its bodies declares; None if there is none but tags."""
    declaration = without_attributes(declaration)
    declaration = re.sub(r"\b[A-Z][A-Z0-9_]+\s*\([^()]*\)", " ", declaration).strip()
    if not declaration or declaration.startswith("_Static_assert"):
        return None
    first = re.search(r"(\w+)\s*\((?:\s*\*\s*(\w+))?", declaration)
    if first and (first[2] or not declaration.startswith("typedef")):
        return first[2] or first[1]
    names = NAME.findall(re.sub(r"=.*|\[[^\]]*\]", " ", declaration, flags=re.DOTALL))
    if len(names) < 2:
        return None
    is_tag = len(names) == 2 and names[0] in ("struct", "union", "enum") and not re.search(r"\}\s*\w", declaration)
    return None if is_tag else names[-1]


@functools.lru_cache(maxsize=None)
def names_declared(code, lists):
    """Functions, types, tags, macros, enum constants and variables that the code declares itself. `lists` has the path and the
    code of each .def that it may include."""
    texts = dict(lists)
    code, macros = expand_lists(code, lambda path: texts.get(path, ""))
    code = COMMENT_OR_TEXT.sub('""', code)
    names = set(macros)
    names.update(re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{", code))
    for body in re.findall(r"\benum\b[^{};()]*\{([^{}]*)\}", code):
        names.update(re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"\([^()]*\)", "", body)))
    before = None
    while before != code:
        before = code
        code = re.sub(r"\{[^{}]*\}", "\0", code)
    code = re.sub(r"\)\s*\0", ");", code).replace("\0", "}")
    names.update(filter(None, map(name_of, code.split(";"))))
    return names


@functools.lru_cache(maxsize=None)
def source_of(path, text):
    """The source at `path`; for who checks a tree again and again, it is read only if its text is another."""
    return Source(path, text)


class Source:
    """A .c, .h or .def of the tree, read once."""

    def __init__(self, path, text):
        self.path = path
        self.folder, _, self.name = path.rpartition("/")
        self.stem = path.rpartition(".")[0]
        self.is_header = path.endswith(".h")
        self.comments = [(line_at(text, found.start()), found[0]) for found in COMMENT_OR_TEXT.finditer(text)
                         if found[0][0] == "/"]
        self.code = without_comments(text)
        self.includes = [Include(line_at(self.code, found.start(2)), found[1] == '"', found[2])
                         for found in INCLUDE.finditer(self.code)]
        self.plain = COMMENT_OR_TEXT.sub('""', INCLUDE.sub("", self.code))
        self.uses = set(NAME.findall(self.plain))

    @functools.cached_property
    def named_files(self):
        """(line, name) of each file that a comment names."""
        return [(line + text.count("\n", 0, found.start()), found[1])
                for line, text in self.comments for found in NAMED_FILE.finditer(text)]

    @functools.cache
    def uses_name_of(self, header):
        """True if it uses one of the names for which a header of the system is included, or if these are not known."""
        pattern = SYSTEM_NAMES.get(header)
        return pattern is None or any(re.fullmatch(pattern, name) for name in self.uses)

    def line_of(self, name):
        return line_at(self.plain, re.search(rf"\b{name}\b", self.plain).start())

    @functools.cached_property
    def odd_includes(self):
        """The lines of includes that are not written #include "folder/name.h" or #include <name.h>."""
        return [line for line, _, text in numbered_lines(self.code)
                if ANY_INCLUDE.match(text.replace("\\\n", "")) and not PLAIN_INCLUDE.fullmatch(text.rstrip())]

    @functools.cached_property
    def macros(self):
        """(name, line, how many lines it is, body) of each macro."""
        defines = [(line, count, re.match(r"\s*(?:#|%:)\s*define\s+(\w+)(.*)", text.replace("\\\n", ""), re.DOTALL))
                   for line, count, text in numbered_lines(self.plain)]
        return [(define[1], line, count, define[2]) for line, count, define in defines if define]

    @functools.cached_property
    def bodies(self):
        return list(self.find_bodies())

    def find_bodies(self):
        """(what stands before it, where it begins, where it ends) of each outermost {}; the end is None if there is none."""
        code = "\n".join(re.sub(r"[^\n]", " ", text) if re.match(r"\s*(#|%:)", text) else text
                         for _, _, text in numbered_lines(self.plain))
        depth = begin = start = 0
        for found in re.finditer(r"<%|%>|[{};]", code):
            if found[0] in ("{", "<%"):
                depth += 1
                begin = found.start() if depth == 1 else begin
            elif depth == 0:
                start = found.end()
                if found[0] != ";":
                    yield code[start:found.start()], found.start(), None
            elif found[0] != ";":
                depth -= 1
                if depth == 0:
                    yield code[start:begin], begin, found.start()
                    start = found.end()
        if depth > 0:
            yield code[start:begin], begin, None

    @functools.cached_property
    def unbalanced(self):
        """The lines of braces without a partner, behind which functions cannot be counted."""
        found = [line_at(self.plain, begin) for _, begin, end in self.bodies if end is None]
        return found + [line for _, line, _, body in self.macros if body.count("{") != body.count("}")]

    @functools.cached_property
    def switches(self):
        """(line, "on" or "off") of each comment that turns clang-format on or off."""
        return [(line, switch) for line, text in self.comments for switch in re.findall(r"clang-format (on|off)\b", text)]

    def is_unformatted(self, line):
        """Whether clang-format is off at a line."""
        return [switch for at, switch in self.switches if at <= line][-1:] == ["off"]

    @functools.cached_property
    def functions(self):
        return list(self.find_functions())

    def find_functions(self):
        """(name, line, lines between the braces) of each function."""
        for before, begin, end in self.bodies:
            named = re.search(r"(\w+)\s*\(", without_attributes(before))
            is_data = "=" in before or re.match(r"\s*typedef\b", before)
            if end is None or is_data or (named is None and re.search(r"\b(struct|union|enum)\b", before)):
                continue
            first = begin - len(before) + (re.search(r"\S", before) or re.search("$", before)).start()
            yield (named[1] if named else "this body"), line_at(self.plain, first), body_lines(self.plain[begin + 1 : end])
