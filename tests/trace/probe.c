/*
 * Looks at a file in one of many ways: probe WAY PATH. What it has learned goes to standard output.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *path;
static char buffer[1 << 16];

static int checked(int result, const char *what) {
    if (result < 0) {
        printf("%s: %s\n", what, strerrorname_np(errno));
        exit(0);
    }
    return result;
}

static int opened(int flags) { return checked(open(path, flags), "open"); }

static void show(int file) {
    ssize_t size = checked(read(file, buffer, sizeof buffer), "read");
    printf("%.*s\n", (int)size, buffer);
}

static void show_reopened(const char *format, int file) {
    char name[64];
    snprintf(name, sizeof name, format, file);
    show(checked(open(name, O_RDONLY), "reopen"));
}

/* The directory of the path, opened, and the name in it. */
static int directory(const char **name) {
    static char copy[4096];
    strcpy(copy, path);
    char *slash = strrchr(copy, '/');
    *name = path + (slash - copy) + 1;
    *slash = 0;
    return checked(open(*copy ? copy : "/", O_RDONLY | O_DIRECTORY), "open directory");
}

static void way_read(void) { show(opened(O_RDONLY)); }
static void way_openat(void) {
    const char *name;
    int at = directory(&name);
    show(checked(openat(at, name, O_RDONLY), "openat"));
}
static void way_openat2(void) {
    const char *name;
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int at = directory(&name);
    show(checked(syscall(SYS_openat2, at, name, &how, sizeof how), "openat2"));
}
static void way_fchdir(void) {
    const char *name;
    checked(fchdir(directory(&name)), "fchdir");
    show(checked(open(name, O_RDONLY), "open"));
}
static void way_path_descriptor(void) { show_reopened("/proc/self/fd/%d", opened(O_PATH)); }
static void way_proc_root(void) {
    char name[4200];
    snprintf(name, sizeof name, "/proc/self/root%s", path);
    show(checked(open(name, O_RDONLY), "open"));
}
static void way_mmap(void) {
    int file = opened(O_RDONLY);
    struct stat status;
    checked(fstat(file, &status), "fstat");
    char *data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    printf("%.*s\n", (int)status.st_size, data);
}
static void way_preadv(void) {
    struct iovec part = {buffer, sizeof buffer};
    printf("%.*s\n", (int)checked(preadv(opened(O_RDONLY), &part, 1, 0), "preadv"), buffer);
}
static void way_sendfile(void) {
    fflush(stdout);
    int ends[2];
    checked(pipe(ends), "pipe");
    ssize_t size = checked(sendfile(ends[1], opened(O_RDONLY), NULL, 4096), "sendfile");
    printf("%.*s\n", (int)read(ends[0], buffer, size), buffer);
}
static void way_splice(void) {
    int ends[2];
    checked(pipe(ends), "pipe");
    ssize_t size = checked(splice(opened(O_RDONLY), NULL, ends[1], NULL, 4096, 0), "splice");
    printf("%.*s\n", (int)read(ends[0], buffer, size), buffer);
}
static void way_copy_file_range(void) {
    int out = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    ssize_t size = checked(copy_file_range(opened(O_RDONLY), NULL, out, NULL, 4096, 0), "copy_file_range");
    printf("%.*s\n", (int)pread(out, buffer, size, 0), buffer);
}
static void *read_it(void *unused) {
    way_read();
    return unused;
}
static void way_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, read_it, NULL);
    pthread_join(thread, NULL);
}
static void way_orphan(void) { /* whose parent has ended */
    int ends[2];
    checked(pipe(ends), "pipe");
    if (!fork()) {
        if (!fork()) {
            setsid();
            dup2(ends[1], 1);
            way_read();
        }
        exit(0);
    }
    wait(NULL);
    printf("%.*s", (int)read(ends[0], buffer, sizeof buffer), buffer);
}
static void way_passed(void) { /* opened by one process, read by another */
    int sockets[2];
    checked(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "socketpair");
    char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    if (!fork()) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        *(int *)CMSG_DATA(header) = opened(O_RDONLY);
        sendmsg(sockets[1], &message, 0);
        _exit(0);
    }
    checked(recvmsg(sockets[0], &message, 0), "recvmsg");
    show(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&message)));
}
static void way_execveat(void) { /* the file is an executable */
    int file = opened(O_PATH | O_CLOEXEC);
    char *words[] = {"it", NULL};
    fflush(stdout);
    checked(syscall(SYS_execveat, file, "", words, words + 1, AT_EMPTY_PATH), "execveat");
}
static void way_chroot(void) {
    const char *name;
    checked(fchdir(directory(&name)), "fchdir");
    checked(chroot("."), "chroot");
    show(checked(open(name, O_RDONLY), "open"));
}
static void way_stat(void) {
    struct stat status;
    checked(stat(path, &status), "stat");
    printf("%lld\n", (long long)status.st_size);
}
static void statx_with(int flags) {
    struct statx status;
    checked(statx(AT_FDCWD, path, flags, STATX_SIZE | STATX_MTIME, &status), "statx");
    printf("%llu\n", (unsigned long long)status.stx_size);
}
static void way_statx(void) { statx_with(AT_STATX_SYNC_AS_STAT); }
static void way_statx_forced(void) { statx_with(AT_STATX_FORCE_SYNC); }
static void way_statx_lazy_opened(void) { /* an opened file, whose attributes the kernel is said to know */
    struct statx status;
    int file = opened(O_RDONLY);
    checked(statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &status), "statx");
    printf("%llu\n", (unsigned long long)status.stx_size);
}
static void way_statx_lazy_time(void) { /* of a file that nobody has opened: there is no time to learn */
    struct statx status;
    checked(statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_MTIME, &status), "statx");
    printf("%lld\n", (long long)status.stx_mtime.tv_sec);
}
static void way_path_stat(void) {
    struct stat status;
    checked(fstat(opened(O_PATH), &status), "fstat");
    printf("%lld\n", (long long)status.st_size);
}
static void way_end(void) { printf("%lld\n", (long long)lseek(opened(O_RDONLY), 0, SEEK_END)); }
static void way_hole(void) { printf("%lld\n", (long long)lseek(opened(O_RDONLY), 0, SEEK_HOLE)); }
static void way_fionread(void) {
    int size = -1;
    checked(ioctl(opened(O_RDONLY), FIONREAD, &size), "ioctl");
    printf("%d\n", size);
}
static void way_lock(void) { /* where a lock from the end begins */
    int file = opened(O_RDONLY), ends[2];
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_END};
    checked(fcntl(file, F_SETLK, &lock), "lock");
    checked(pipe(ends), "pipe");
    if (!fork()) {
        lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        checked(fcntl(file, F_GETLK, &lock), "get lock");
        printf("%lld\n", (long long)lock.l_start);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}
static void way_access(void) { puts(access(path, X_OK) ? "no" : "yes"); }
static void way_exists(void) { puts(access(path, F_OK) ? "no" : "yes"); }
static void way_getxattr(void) {
    ssize_t size = getxattr(path, "user.note", buffer, sizeof buffer);
    printf("%.*s\n", size < 0 ? 4 : (int)size, size < 0 ? "none" : buffer);
}
static void way_listxattr(void) { printf("%zd\n", listxattr(path, buffer, sizeof buffer)); }
static void way_readlink(void) {
    ssize_t size = readlink(path, buffer, sizeof buffer);
    printf("%.*s\n", size < 0 ? 4 : (int)size, size < 0 ? "none" : buffer);
}
static void way_inotify(void) {
    checked(inotify_add_watch(inotify_init1(0), path, IN_ALL_EVENTS), "inotify");
    puts("watched");
}
static void way_handle(void) { /* a file opened without a path */
    struct {
        struct file_handle head;
        char rest[MAX_HANDLE_SZ];
    } handle = {.head.handle_bytes = MAX_HANDLE_SZ};
    int mount;
    const char *name;
    int at = directory(&name);
    checked(name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0), "name_to_handle_at");
    show(checked(open_by_handle_at(at, &handle.head, O_RDONLY), "open_by_handle_at"));
}
static void way_io_uring(void) {
    struct io_uring_params parameters = {0};
    int ring = checked(syscall(SYS_io_uring_setup, 4, &parameters), "io_uring_setup");
    int flags = PROT_READ | PROT_WRITE;
    size_t size = parameters.sq_off.array + parameters.sq_entries * 4;
    size_t size2 = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
    char *sq = mmap(0, size, flags, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    char *cq = mmap(0, size2, flags, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *entries = mmap(0, 4 * sizeof *entries, flags, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    struct io_uring_sqe todo[2] = {
        {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)path},
        {.opcode = IORING_OP_READ, .addr = (uintptr_t)buffer, .len = sizeof buffer},
    };
    int result = 0;
    for (int step = 0; step < 2; step++) {
        if (step) todo[1].fd = result;
        entries[0] = todo[step];
        unsigned *tail = (unsigned *)(sq + parameters.sq_off.tail), mask = *(unsigned *)(sq + parameters.sq_off.ring_mask);
        ((unsigned *)(sq + parameters.sq_off.array))[*tail & mask] = 0;
        __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        checked(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
        unsigned *head = (unsigned *)(cq + parameters.cq_off.head);
        struct io_uring_cqe *done = (void *)(cq + parameters.cq_off.cqes);
        result = done[*head & *(unsigned *)(cq + parameters.cq_off.ring_mask)].res;
        __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
        errno = -result;
        checked(result < 0 ? -1 : result, "io_uring");
    }
    printf("%.*s\n", result, buffer);
}
static void way_write_mapped(void) { /* the rest of a file that is written through a map */
    int file = opened(O_RDWR);
    char *data = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    *data = '*';
}
static void way_append(void) { checked(write(opened(O_WRONLY | O_APPEND), "+", 1), "write"); }
static void way_truncate(void) { checked(truncate(path, 2), "truncate"); }
static void way_chmod(void) { checked(chmod(path, 0640), "chmod"); }
static void way_chown(void) { checked(chown(path, 7, 8), "chown"); }
static void way_touch(void) { checked(utimensat(AT_FDCWD, path, NULL, 0), "utimensat"); }
static void way_setxattr(void) { checked(setxattr(path, "user.note", "x", 1, 0), "setxattr"); }
static void way_link(void) {
    snprintf(buffer, sizeof buffer, "%s.linked", path);
    checked(link(path, buffer), "link");
}
static void way_rename(void) {
    snprintf(buffer, sizeof buffer, "%s.renamed", path);
    checked(rename(path, buffer), "rename");
}
static void way_exchange(void) {
    snprintf(buffer, sizeof buffer, "%s.new", path);
    close(checked(open(buffer, O_CREAT | O_WRONLY, 0600), "create"));
    checked(renameat2(AT_FDCWD, path, AT_FDCWD, buffer, RENAME_EXCHANGE), "exchange");
}
static void way_crowd(void) { /* many short processes, the last of which reads */
    for (int count = 0; count < 300; count++) {
        pid_t child = fork();
        if (!child) {
            if (count == 299) way_read();
            fflush(stdout);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}
static void way_directories(void) { /* through an open directory, after more than the tracer keeps open */
    struct rlimit most = {6000, 6000};
    setrlimit(RLIMIT_NOFILE, &most);
    const char *name;
    int first = directory(&name), found = 0;
    for (int count = 0; count < 4500; count++) found += openat(first, ".", O_RDONLY | O_DIRECTORY) >= 0;
    printf("%s ", found >= 1000 ? "many" : "few");
    show(checked(openat(first, name, O_RDONLY), "openat"));
}

#define WAY(name) {#name, way_##name}
static const struct {
    const char *name;
    void (*go)(void);
} ways[] = {
    WAY(read), WAY(openat), WAY(openat2), WAY(fchdir), WAY(path_descriptor), WAY(proc_root), WAY(mmap), WAY(preadv),
    WAY(sendfile), WAY(splice), WAY(copy_file_range), WAY(thread), WAY(orphan), WAY(passed), WAY(execveat), WAY(chroot),
    WAY(stat), WAY(statx), WAY(statx_forced), WAY(statx_lazy_opened), WAY(statx_lazy_time), WAY(path_stat), WAY(end),
    WAY(hole), WAY(fionread), WAY(lock), WAY(access), WAY(exists), WAY(getxattr), WAY(listxattr), WAY(readlink),
    WAY(inotify), WAY(handle), WAY(io_uring), WAY(write_mapped), WAY(append), WAY(truncate), WAY(chmod), WAY(chown),
    WAY(touch), WAY(setxattr), WAY(link), WAY(rename), WAY(exchange), WAY(crowd), WAY(directories),
};

int main(int count, char **words) {
    for (size_t number = 0; count == 3 && number < sizeof ways / sizeof *ways; number++)
        if (!strcmp(ways[number].name, words[1])) {
            path = words[2];
            ways[number].go();
            return 0;
        }
    fprintf(stderr, "usage: probe WAY PATH\n");
    return 2;
}
