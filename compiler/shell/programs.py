"""Programs that read no variables of a user's own, and the variables that they do read.

A name belongs in :data:`PROGRAMS` or :data:`BLIND_PROGRAMS` when, in GNU coreutils, GNU grep, busybox and uutils
alike, the program reads no variable but those of :func:`is_system`, starts no other program whatever its arguments
say, and shows nobody its environment. (So not `sort`, `split` and `install`, which can start one; nor `env`,
`printenv`, `find`, `xargs`, `tar`, `sed`, `awk`; nor any package manager, compiler or interpreter.)
"""

from __future__ import annotations

__all__ = ["BLIND_PROGRAMS", "BUILTINS", "DIRECTORIES", "PROGRAMS", "is_system"]

#: Commands of the shell itself that take any arguments.
BUILTINS = frozenset((":", "true", "false", "echo", "printf", "pwd", "umask", "exit", "return", "break"))
BUILTINS |= {"continue", "shift", "wait", "cd", "for"}

PROGRAMS = frozenset(
    (
        *(
            "base32",
            "base64",
            "cat",
            "cksum",
            "cmp",
            "comm",
            "cp",
            "cut",
            "dd",
            "expand",
            "fold",
            "grep",
            "head",
        ),
        *("join", "md5sum", "mv", "nl", "od", "paste", "sha1sum", "sha224sum", "sha256sum", "sha384sum"),
        *("sha512sum", "tac", "tail", "tr", "tsort", "unexpand", "uniq", "wc"),
    )
)

#: Those that read no content of a file that their arguments name.
BLIND_PROGRAMS = frozenset(
    (
        *("basename", "chgrp", "chmod", "chown", "dirname", "du", "echo", "id", "link", "ln", "ls", "mkdir"),
        *(
            "mkfifo",
            "mktemp",
            "nproc",
            "printf",
            "pwd",
            "readlink",
            "realpath",
            "rm",
            "rmdir",
            "seq",
            "sleep",
        ),
        *("stat", "sync", "tee", "touch", "true", "false", "truncate", "uname", "unlink", "whoami"),
    )
)

#: Where such a program is the system's own.
DIRECTORIES = ("", "/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/")

# What the C library, the dynamic loader, the shells and the programs above read.
_SYSTEM = frozenset(
    (
        *(
            "ARGP_HELP_FMT",
            "BLOCKSIZE",
            "BLOCK_SIZE",
            "CDPATH",
            "CHILD_MAX",
            "COLORTERM",
            "COLUMNS",
            "COMP_WORDBREAKS",
        ),
        *(
            "DATEMSK",
            "DF_BLOCK_SIZE",
            "DIRSTACK",
            "DU_BLOCK_SIZE",
            "EDITOR",
            "EMACS",
            "ENV",
            "EUID",
            "EXECIGNORE",
        ),
        *(
            "FCEDIT",
            "FIGNORE",
            "FPATH",
            "FUNCNAME",
            "FUNCNEST",
            "GCONV_PATH",
            "GETCONF_DIR",
            "GLOBIGNORE",
            "GROUPS",
        ),
        *(
            "HOME",
            "HOSTALIASES",
            "HOSTFILE",
            "HOSTNAME",
            "HOSTTYPE",
            "I18NPATH",
            "IFS",
            "IGNOREEOF",
            "INPUTRC",
        ),
        *(
            "INSIDE_EMACS",
            "KSH_VERSION",
            "LANG",
            "LANGUAGE",
            "LINENO",
            "LINES",
            "LOCALDOMAIN",
            "LOCPATH",
            "LOGNAME",
        ),
        *(
            "LS_BLOCK_SIZE",
            "LS_COLORS",
            "LS_OPTIONS",
            "MACHTYPE",
            "MAIL",
            "MAILCHECK",
            "MAILPATH",
            "MAPFILE",
            "MSGVERB",
        ),
        *(
            "MUSL_LOCPATH",
            "NIS_PATH",
            "NLSPATH",
            "NO_COLOR",
            "OLDPWD",
            "OPTARG",
            "OPTERR",
            "OPTIND",
            "OSTYPE",
        ),
        *(
            "OUTPUT_CHARSET",
            "PATH",
            "PIPESTATUS",
            "POSIXLY_CORRECT",
            "PPID",
            "PROMPT_COMMAND",
            "PROMPT_DIRTRIM",
        ),
        *(
            "PWD",
            "QUOTING_STYLE",
            "RANDFILE",
            "RANDOM",
            "REPLY",
            "RES_OPTIONS",
            "SECONDS",
            "SEV_LEVEL",
            "SHELL",
        ),
        *(
            "PS0",
            "PS1",
            "PS2",
            "PS3",
            "PS4",
            "RUST_BACKTRACE",
            "RUST_LIB_BACKTRACE",
            "RUST_LOG",
            "RUST_MIN_STACK",
        ),
        *(
            "SHELLOPTS",
            "SHLVL",
            "SIMPLE_BACKUP_SUFFIX",
            "SRANDOM",
            "SSH_AUTH_SOCK",
            "TABSIZE",
            "TERM",
            "TEXTDOMAIN",
        ),
        *("TEXTDOMAINDIR", "TIMEFORMAT", "TIME_STYLE", "TMOUT", "TMPDIR", "TZ", "TZDIR", "UID", "USER"),
        *("VERSION_CONTROL", "_", "_POSIX2_VERSION", "auto_resume", "histchars"),
    )
)
_SYSTEM_PREFIXES = (
    *(
        "BASH",
        "CLICOLOR",
        "COMP_",
        "COREUTILS_",
        "GLIBC_",
        "GNULIB_",
        "GREP_",
        "HIST",
        "LC_",
        "LD_",
        "MALLOC_",
        "NSS_",
    ),
    *("OMP_", "OPENSSL_", "READLINE_", "RESOLV_", "SELINUX", "SSL_", "SYSTEMD_", "UUTILS_", "_"),
)


def is_system(name: str) -> bool:
    """Whether a program of the list, a shell or the C library may read the variable ``name``."""
    return name in _SYSTEM or name.startswith(_SYSTEM_PREFIXES)
