/*
 * Serves a directory tree over FUSE, read-only, and records what was asked for.
 *
 *     layerc-tracer FUSE ROOT OUT PARENT [xattr]
 *
 * FUSE is an open /dev/fuse that has been mounted, ROOT an open directory, OUT an open file: numbers of
 * descriptors; PARENT is the number of the process that started it, without which it ends. It serves until the
 * mount is gone, writes the record to OUT and exits with 0. Status 2 means that all answers were right, but there
 * is no record; any other, that an answer may have been wrong: what was done with it is worth nothing.
 *
 * Nothing can be missed: the kernel can not know a name, a size, a listing or a byte of this tree unless it has
 * asked here, and a question is recorded before it is answered. The kernel may remember answers; they do not
 * change, and what it remembers has been recorded.
 *
 * What is not in the layers, but would differ from machine to machine, is the same everywhere: times and sizes
 * of directories, numbers of links to them, inode numbers, the order of listings, times of change and access.
 *
 * The record: "layerc-trace 1\n", then for each name a hexadecimal number, a blank, the path from the root
 * and a NUL; at the end "." and a NUL. The number is a sum of the EVENTS below.
 *
 * Extended attributes cost the kernel a question for each file. Without the word "xattr" they are said to be
 * unknown here, which is right where no layer has any.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* EVENTS */
enum {
    LOOKED_UP = 1, /* that it exists; its type, mode, owner, link target, device, attributes */
    STATED = 2,    /* its size and time, and that it was opened */
    READ = 4,      /* its content */
    LISTED = 8,    /* the names in it */
    ABSENT = 16,   /* that nothing has this name */
    LINKED = 32,   /* that the file has other names as well */
};

enum {
    MOST_READ = 1 << 20,
    REQUEST_BYTES = 64 << 10,
    MOST_NODES = 8 << 20, /* a step that looks up more names than this is not worth remembering */
};

static const uint64_t FOREVER = 1ull << 32;      /* seconds */
static const uint64_t DIRECTORY_TIME = 946684800; /* 2000-01-01: archives know no time before 1980 */

struct node {
    char *name;
    uint32_t parent;
    uint32_t next; /* in the same bucket */
    int descriptor;
    uint32_t slot; /* of the descriptor among the open ones */
    uint32_t latest; /* of a directory: the file in it that was looked up last */
    uint32_t stated; /* of a directory: so many files in a row were looked up and then STATED */
    uint8_t events;
    struct fuse_attr attributes;
    struct listing *listing;
};

struct listing {
    size_t count;
    size_t directories; /* so many of them are */
    size_t looked_up;   /* so many were looked up afterwards */
    uint8_t foreseen;   /* EVENTS that its regular files have, unasked */
    struct listed {
        char *name;
        uint64_t inode;
        uint32_t type;
    } *items;
};

static struct node *nodes; /* by node id; 0 is none, FUSE_ROOT_ID the root */
static uint32_t node_count, node_room;
static uint32_t *buckets;
static uint32_t bucket_count;
static uint32_t *open_nodes; /* those with an open descriptor */
static uint64_t *open_uses;
static uint32_t open_count, open_most;
static uint64_t uses;
static uint32_t listed_last;    /* the directory that was listed last */
static struct {
    uint32_t listings;  /* so many in a row were followed by look-ups of all names */
    uint8_t events;     /* of the files of the last of these */
    const char *suffix; /* of the name that was looked up last */
} habit;
static int fuse, with_attributes, untrusted, crowded;
static char *content;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "layerc-tracer: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static void *allocate(void *old, size_t size) {
    void *memory = realloc(old, size);
    if (!memory) fail("out of memory");
    return memory;
}

/* --- nodes ------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, const void *data, size_t size) {
    for (const unsigned char *byte = data; size--; byte++) hash = (hash ^ *byte) * 1099511628211ull;
    return hash;
}

static uint64_t finish(uint64_t hash) { /* FNV leaves the low bits of similar names too close */
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdull;
    return hash ^ (hash >> 33);
}

static uint32_t bucket_of(uint32_t parent, const char *name) {
    uint64_t hash = mix(14695981039346656037ull, &parent, sizeof parent);
    return finish(mix(hash, name, strlen(name))) & (bucket_count - 1);
}

static void grow_buckets(void) {
    bucket_count = bucket_count ? bucket_count * 2 : 1024;
    buckets = allocate(buckets, bucket_count * sizeof *buckets);
    memset(buckets, 0, bucket_count * sizeof *buckets);
    for (uint32_t id = FUSE_ROOT_ID + 1; id < node_count; id++) {
        uint32_t bucket = bucket_of(nodes[id].parent, nodes[id].name);
        nodes[id].next = buckets[bucket];
        buckets[bucket] = id;
    }
}

static uint32_t add_node(uint32_t parent, const char *name) {
    if (node_count == node_room) {
        node_room = node_room ? node_room * 2 : 1024;
        nodes = allocate(nodes, node_room * sizeof *nodes);
    }
    uint32_t id = node_count++;
    struct node *node = &nodes[id];
    memset(node, 0, sizeof *node);
    node->name = strdup(name);
    if (!node->name) fail("out of memory");
    node->parent = parent;
    node->descriptor = -1;
    if (node_count >= bucket_count) {
        grow_buckets();
    } else if (id > FUSE_ROOT_ID) {
        uint32_t bucket = bucket_of(parent, name);
        node->next = buckets[bucket];
        buckets[bucket] = id;
    }
    return id;
}

static uint32_t find_node(uint32_t parent, const char *name) {
    uint32_t id = buckets[bucket_of(parent, name)];
    while (id && (nodes[id].parent != parent || strcmp(nodes[id].name, name))) id = nodes[id].next;
    return id;
}

/* A number for a path: the same on every machine. Its high bits are free for overlayfs. */
static uint64_t inode_of(uint64_t parent, const char *name) {
    return finish(mix(mix(14695981039346656037ull, &parent, sizeof parent), name, strlen(name))) & ((1ull << 48) - 1);
}

/* --- descriptors ------------------------------------------------------------------------------------ */

static void close_node(uint32_t slot) {
    close(nodes[open_nodes[slot]].descriptor);
    nodes[open_nodes[slot]].descriptor = -1;
    open_count--;
    open_nodes[slot] = open_nodes[open_count];
    open_uses[slot] = open_uses[open_count];
    nodes[open_nodes[slot]].slot = slot;
}

static void close_oldest(uint32_t keep) {
    uint32_t oldest = UINT_MAX;
    for (uint32_t slot = 0; slot < open_count; slot++)
        if (open_nodes[slot] != keep && (oldest == UINT_MAX || open_uses[slot] < open_uses[oldest])) oldest = slot;
    if (oldest != UINT_MAX) close_node(oldest);
}

static int open_node(uint32_t id, int directory, uint32_t flags) {
    uint32_t parent = nodes[id].parent;
    if (open_count >= open_most) close_oldest(parent);
    int descriptor = openat(directory, nodes[id].name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return -1;
    nodes[id].descriptor = descriptor;
    nodes[id].slot = open_count;
    open_nodes[open_count] = id;
    open_uses[open_count++] = ++uses;
    return descriptor;
}

/* The directory of a node, opened; -1 with errno. Paths may be deeper than any name can say. */
static int directory_of(uint32_t id) {
    while (id != FUSE_ROOT_ID && nodes[id].descriptor < 0) {
        uint32_t nearest = id;
        while (nodes[nodes[nearest].parent].descriptor < 0) nearest = nodes[nearest].parent;
        if (open_node(nearest, nodes[nodes[nearest].parent].descriptor, O_PATH | O_DIRECTORY) < 0) return -1;
    }
    if (id != FUSE_ROOT_ID) open_uses[nodes[id].slot] = ++uses;
    return nodes[id].descriptor;
}

static int file_of(uint32_t id) {
    if (nodes[id].descriptor >= 0) {
        open_uses[nodes[id].slot] = ++uses;
        return nodes[id].descriptor;
    }
    int directory = directory_of(nodes[id].parent);
    return directory < 0 ? -1 : open_node(id, directory, O_RDONLY | O_NONBLOCK);
}

/* --- answers ---------------------------------------------------------------------------------------- */

static void answer(uint64_t request, int error, const void *data, size_t size) {
    struct fuse_out_header header = {.len = sizeof header + size, .error = -error, .unique = request};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)data, size}};
    /* ENOENT: whoever asked has been interrupted. ENODEV: the mount is gone; the next read will say so. */
    if (writev(fuse, parts, size ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV) untrusted = 1;
}

static void refuse(uint64_t request, int error) {
    answer(request, error, NULL, 0);
}

/* Something of the tree can not be read: what the step saw is no state of the tree. */
static void broken(uint64_t request, int error) {
    untrusted = 1;
    refuse(request, error);
}

static void set_attributes(uint32_t id, const struct stat *status) {
    struct node *node = &nodes[id];
    struct fuse_attr *attributes = &node->attributes;
    int directory = S_ISDIR(status->st_mode);
    attributes->mode = status->st_mode;
    attributes->uid = status->st_uid;
    attributes->gid = status->st_gid;
    attributes->rdev = status->st_rdev;
    attributes->blksize = 4096;
    attributes->size = directory ? 4096 : status->st_size;
    attributes->blocks = (attributes->size + 511) / 512;
    attributes->nlink = directory ? 1 : status->st_nlink;
    attributes->mtime = directory ? DIRECTORY_TIME : (uint64_t)status->st_mtim.tv_sec;
    attributes->mtimensec = directory ? 0 : status->st_mtim.tv_nsec;
    attributes->atime = attributes->ctime = attributes->mtime;
    attributes->atimensec = attributes->ctimensec = attributes->mtimensec;
    attributes->ino = id == FUSE_ROOT_ID ? 1 : inode_of(nodes[node->parent].attributes.ino, node->name);
    if (attributes->nlink > 1) { /* all names of a file share its number */
        uint64_t file[2] = {status->st_dev, status->st_ino};
        attributes->ino = finish(mix(14695981039346656037ull, file, sizeof file)) & ((1ull << 48) - 1);
    }
    node->events |= LOOKED_UP | (attributes->nlink > 1 ? LINKED : 0);
    /* Nobody asks for the bytes of an empty file: to see it is to have read it. */
    if (S_ISREG(status->st_mode) && !status->st_size) node->events |= STATED | READ;
}

static int is_whiteout(const struct stat *status) {
    return S_ISCHR(status->st_mode) && status->st_rdev == makedev(0, 0);
}

/* Whoever asked for size and time of the last files of a directory will ask for the next one's: they are told
 * with its name, and count as seen. For one file in 16 they are not, so that a change of habit is noticed. */
static void foresee(uint32_t id) {
    struct node *directory = &nodes[nodes[id].parent];
    if (directory->latest) directory->stated = nodes[directory->latest].events & STATED ? directory->stated + 1 : 0;
    directory->latest = id;
    if (directory->stated > 2 && directory->stated % 16) nodes[id].events |= STATED;
}

/* The node of a name, made if there is none; 0 with errno. A name that is not there has one as well. */
static uint32_t node_of(uint32_t parent, const char *name) {
    uint32_t id = find_node(parent, name);
    if (id) return id;
    struct stat status;
    int directory = directory_of(parent);
    if (directory < 0) return 0;
    int found = !fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW);
    if (!found && errno != ENOENT) return 0;
    if (node_count >= MOST_NODES) crowded = 1;
    if (node_count >= UINT_MAX / 2) return errno = ENOMEM, 0;
    id = add_node(parent, name);
    if (found && !is_whiteout(&status))
        set_attributes(id, &status);
    else
        nodes[id].events = ABSENT;
    return id;
}

/* What the kernel is told of a node that it asks for by name. */
static struct fuse_entry_out entry_of(uint32_t id) {
    struct fuse_entry_out entry = {.entry_valid = FOREVER};
    if (nodes[id].events & ABSENT) return entry;
    entry.nodeid = id;
    entry.attr = nodes[id].attributes;
    entry.attr_valid = FOREVER;
    if (S_ISREG(entry.attr.mode) && !(nodes[id].events & STATED)) {
        /* Size and time are asked for again by those who look at them, or open the file (the mount has
         * default_permissions). The time that statx(AT_STATX_DONT_SYNC) shows is none at all; the size has
         * to be right, as overlayfs keeps a copy of it. */
        entry.attr.atime = entry.attr.mtime = entry.attr.ctime = DIRECTORY_TIME;
        entry.attr.atimensec = entry.attr.mtimensec = entry.attr.ctimensec = 0;
        entry.attr_valid = 0;
    }
    return entry;
}

static void look_up(uint64_t request, uint32_t parent, const char *name) {
    uint32_t id = find_node(parent, name);
    if (!id) {
        id = node_of(parent, name);
        if (!id) return errno == ENAMETOOLONG ? refuse(request, ENAMETOOLONG) : broken(request, errno);
        if (nodes[parent].listing) nodes[parent].listing->looked_up++;
        if (S_ISREG(nodes[id].attributes.mode) && !(nodes[id].events & STATED)) foresee(id);
    }
    struct fuse_entry_out entry = entry_of(id);
    answer(request, 0, &entry, sizeof entry);
}

static void get_attributes(uint64_t request, uint32_t id) {
    nodes[id].events |= LOOKED_UP | (S_ISREG(nodes[id].attributes.mode) ? STATED : 0);
    struct fuse_attr_out out = {.attr_valid = FOREVER, .attr = nodes[id].attributes};
    answer(request, 0, &out, sizeof out);
}

static void read_link(uint64_t request, uint32_t id) {
    char target[PATH_MAX];
    int directory = directory_of(nodes[id].parent);
    ssize_t size = directory < 0 ? -1 : readlinkat(directory, nodes[id].name, target, sizeof target);
    if (size < 0) return broken(request, errno);
    answer(request, 0, target, size);
}

static void read_file(uint64_t request, uint32_t id, const struct fuse_read_in *in) {
    nodes[id].events |= STATED | READ;
    int file = file_of(id);
    size_t wanted = in->size < MOST_READ ? in->size : MOST_READ;
    ssize_t size = file < 0 ? -1 : pread(file, content, wanted, in->offset);
    if (size < 0) return broken(request, errno);
    answer(request, 0, content, size);
}

static void seek(uint64_t request, uint32_t id, const struct fuse_lseek_in *in) {
    nodes[id].events |= STATED | READ;
    int file = file_of(id);
    off_t offset = file < 0 ? -1 : lseek(file, in->offset, in->whence);
    if (file < 0) return broken(request, errno);
    if (offset < 0) return refuse(request, errno);
    struct fuse_lseek_out out = {.offset = offset};
    answer(request, 0, &out, sizeof out);
}

/* --- listings --------------------------------------------------------------------------------------- */

static int by_name(const void *left, const void *right) {
    return strcmp(((const struct listed *)left)->name, ((const struct listed *)right)->name);
}

static struct listing *list(uint32_t id) {
    int directory = directory_of(id);
    int descriptor = directory < 0 ? -1 : openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = descriptor < 0 ? NULL : fdopendir(descriptor);
    if (!stream) return NULL;
    struct listing *listing = allocate(NULL, sizeof *listing);
    *listing = (struct listing){0};
    size_t room = 0;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(stream))) {
        struct stat status;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        uint32_t type = entry->d_type;
        if (type == DT_UNKNOWN || type == DT_CHR) {
            if (fstatat(descriptor, entry->d_name, &status, AT_SYMLINK_NOFOLLOW)) break;
            if (is_whiteout(&status)) continue;
            type = IFTODT(status.st_mode);
        }
        if (listing->count == room) {
            room = room ? room * 2 : 32;
            listing->items = allocate(listing->items, room * sizeof *listing->items);
        }
        char *name = strdup(entry->d_name);
        if (!name) fail("out of memory");
        uint64_t inode = inode_of(nodes[id].attributes.ino, name);
        listing->directories += type == DT_DIR;
        listing->items[listing->count++] = (struct listed){name, inode, type};
    }
    int error = errno;
    closedir(stream);
    errno = error;
    if (error) return NULL; /* the build ends soon: nothing is freed */
    if (listing->count) qsort(listing->items, listing->count, sizeof *listing->items, by_name);
    return listing;
}

static const char *suffix_of(const char *name) {
    const char *suffix = strrchr(name, '.');
    return suffix ? suffix : "";
}

/* Whoever looked up all names of the directories that he listed will do so in the next one. Its regular files whose
 * names end alike are told with the listing, and count as looked up (and stated, where those of the last one were).
 * One directory in 8 is told without, so that a change of habit is noticed. One with others in it shows none: they
 * come in between. */
static uint8_t foresee_listing(void) {
    static uint32_t turn;
    const struct node *directory = &nodes[listed_last];
    const struct listing *last = directory->listing;
    if (last && !last->foreseen && last->count > 3 && !last->directories) {
        int used_up = directory->latest && last->looked_up * 8 >= last->count * 7;
        habit.listings = used_up ? habit.listings + 1 : 0;
        habit.events = LOOKED_UP | (directory->stated > 2 ? STATED : 0);
        if (used_up) habit.suffix = suffix_of(nodes[directory->latest].name);
    }
    return habit.listings > 1 && ++turn % 8 ? habit.events : 0;
}

/* What READDIRPLUS tells of a name besides: all that a look-up does, or nothing. */
static struct fuse_entry_out foreseen_entry(uint32_t directory, const struct listed *item) {
    uint8_t events = nodes[directory].listing->foreseen;
    int wanted = events && item->type == DT_REG && !strcmp(suffix_of(item->name), habit.suffix);
    uint32_t id = wanted ? node_of(directory, item->name) : 0;
    if (!id || !S_ISREG(nodes[id].attributes.mode)) return (struct fuse_entry_out){0};
    nodes[id].events |= events;
    return entry_of(id);
}

/* Appends a name to a listing, with ``entry`` in front of it if there is one. */
static size_t put_name(
    size_t used, size_t most, const struct fuse_entry_out *entry, const struct listed *item, uint64_t offset
) {
    size_t length = strlen(item->name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
    size_t before = entry ? sizeof *entry : 0;
    if (used + before + size > most) return 0;
    if (entry) memcpy(content + used, entry, before);
    struct fuse_dirent *name = (struct fuse_dirent *)(content + used + before);
    memset(name, 0, size);
    *name = (struct fuse_dirent){.ino = item->inode, .off = offset, .namelen = length, .type = item->type};
    memcpy(name->name, item->name, length);
    return before + size;
}

static void read_directory(uint64_t request, uint32_t id, const struct fuse_read_in *in, int with_entries) {
    nodes[id].events |= LISTED;
    if (!nodes[id].listing) {
        struct listing *listing = list(id);
        if (!listing) return broken(request, errno);
        listing->foreseen = foresee_listing();
        nodes[id].listing = listing;
        listed_last = id;
    }
    const struct listing *listing = nodes[id].listing;
    uint64_t own = nodes[id].attributes.ino;
    uint64_t above = id == FUSE_ROOT_ID ? own : nodes[nodes[id].parent].attributes.ino;
    const struct listed dots[2] = {{".", own, DT_DIR}, {"..", above, DT_DIR}};
    size_t most = in->size < MOST_READ ? in->size : MOST_READ, used = 0, size = 1;
    for (uint64_t place = in->offset; size && place < listing->count + 2; place++) {
        const struct listed *item = place < 2 ? &dots[place] : &listing->items[place - 2];
        struct fuse_entry_out entry = {0};
        if (with_entries && place >= 2) entry = foreseen_entry(id, item);
        size = put_name(used, most, with_entries ? &entry : NULL, item, place + 1);
        used += size;
    }
    answer(request, 0, content, used);
}

/* --- extended attributes ---------------------------------------------------------------------------- */

static int is_of_overlay(const char *name) {
    return !strncmp(name, "trusted.overlay.", 16) || !strncmp(name, "user.overlay.", 13);
}

/* The path of a node for calls that take no descriptor. */
static int path_of(uint32_t id, char *path, size_t size) {
    if (id == FUSE_ROOT_ID) return snprintf(path, size, "/proc/self/fd/%d", nodes[id].descriptor) < 0;
    int directory = directory_of(nodes[id].parent);
    return directory < 0 || snprintf(path, size, "/proc/self/fd/%d/%s", directory, nodes[id].name) >= (int)size;
}

static ssize_t filter_names(char *names, ssize_t size) {
    ssize_t kept = 0;
    for (ssize_t place = 0, length; place < size; place += length) {
        length = strlen(names + place) + 1;
        if (is_of_overlay(names + place)) continue;
        memmove(names + kept, names + place, length);
        kept += length;
    }
    return kept;
}

static void get_attribute(uint64_t request, uint32_t id, const struct fuse_getxattr_in *in, const char *name) {
    char path[NAME_MAX + 64];
    /* The kernel does not ask for any again; a list of none is what other file systems give. */
    if (!with_attributes && name) return refuse(request, ENOSYS);
    if (name && is_of_overlay(name)) return refuse(request, ENODATA);
    if (path_of(id, path, sizeof path)) return broken(request, errno);
    ssize_t size;
    if (name) {
        /* An lgetxattr through a descriptor of the directory; the root itself is no link. */
        size = id == FUSE_ROOT_ID ? getxattr(path, name, content, MOST_READ) : lgetxattr(path, name, content, MOST_READ);
    } else if (!with_attributes) {
        size = 0;
    } else {
        size = id == FUSE_ROOT_ID ? listxattr(path, content, MOST_READ) : llistxattr(path, content, MOST_READ);
        if (size > 0) size = filter_names(content, size);
    }
    if (size < 0 && errno == EOPNOTSUPP) return name ? refuse(request, ENODATA) : refuse(request, 0);
    if (size < 0) return errno == ENODATA ? refuse(request, ENODATA) : broken(request, errno);
    if (!in->size) {
        struct fuse_getxattr_out out = {.size = size};
        return answer(request, 0, &out, sizeof out);
    }
    if ((size_t)size > in->size) return refuse(request, ERANGE);
    answer(request, 0, content, size);
}

/* --- processors ------------------------------------------------------------------------------------- */

/* The step waits for each answer, so the server runs as soon as it is asked. Where that is not allowed, so be it. */
static void go_first(void) {
    struct sched_param first = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_RR, &first)) setpriority(PRIO_PROCESS, 0, -20);
}

/* The processor that a thread runs on; -1 if nobody knows. */
static int processor_of(uint32_t thread) {
    char path[32], status[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, status, sizeof status - 1);
    if (file >= 0) close(file);
    status[size < 0 ? 0 : size] = 0;
    const char *rest = strrchr(status, ')'); /* behind the name, which is the second field */
    for (int field = 2; rest && field < 39; field++) rest = strchr(rest + 1, ' ');
    return rest ? atoi(rest + 1) : -1;
}

/* Keeps to the processor of a thread that asks again and again: it sleeps while it waits, and to wake another
 * processor for each question and each answer costs more than the answer. */
static void follow(uint32_t thread) {
    static uint32_t asked_last, in_a_row;
    static int here = -1;
    in_a_row = thread == asked_last ? in_a_row + 1 : 0;
    asked_last = thread;
    if (in_a_row % 32 != 4) return;
    int processor = processor_of(thread);
    if (processor < 0 || processor == here) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (!sched_setaffinity(0, sizeof one, &one)) here = processor;
}

/* --- the loop --------------------------------------------------------------------------------------- */

static void initialise(uint64_t request, const struct fuse_init_in *in) {
    if (in->major != FUSE_KERNEL_VERSION) fail("unknown protocol %u.%u", in->major, in->minor);
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = in->minor < FUSE_KERNEL_MINOR_VERSION ? in->minor : FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = in->max_readahead,
        .flags = in->flags & (FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
                              FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |
                              (with_attributes ? FUSE_POSIX_ACL : 0)),
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = 4096,
        .time_gran = 1,
        .max_pages = MOST_READ / 4096,
    };
    answer(request, 0, &out, sizeof out);
}

static void file_system_status(uint64_t request) {
    struct statfs status;
    if (fstatfs(nodes[FUSE_ROOT_ID].descriptor, &status)) return refuse(request, errno);
    struct fuse_statfs_out out = {
        .st = {.blocks = status.f_blocks, .bsize = status.f_bsize, .frsize = status.f_bsize, .namelen = NAME_MAX}};
    answer(request, 0, &out, sizeof out);
}

static void serve(const struct fuse_in_header *header, const char *body) {
    uint64_t request = header->unique;
    uint32_t id = header->nodeid;
    if (id >= node_count) return broken(request, ESTALE);
    switch (header->opcode) {
    case FUSE_INIT: return initialise(request, (const void *)body);
    case FUSE_LOOKUP: return look_up(request, id, body);
    case FUSE_GETATTR: return get_attributes(request, id);
    case FUSE_READLINK: return read_link(request, id);
    case FUSE_READ: return read_file(request, id, (const void *)body);
    case FUSE_READDIR: return read_directory(request, id, (const void *)body, 0);
    case FUSE_READDIRPLUS: return read_directory(request, id, (const void *)body, 1);
    case FUSE_LSEEK: return seek(request, id, (const void *)body);
    case FUSE_GETXATTR: return get_attribute(request, id, (const void *)body, body + sizeof(struct fuse_getxattr_in));
    case FUSE_LISTXATTR: return get_attribute(request, id, (const void *)body, NULL);
    case FUSE_STATFS: return file_system_status(request);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return; /* no answer is expected */
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_DESTROY: return refuse(request, 0);
    case FUSE_SETATTR:
    case FUSE_SETXATTR:
    case FUSE_REMOVEXATTR:
    case FUSE_CREATE:
    case FUSE_MKNOD:
    case FUSE_MKDIR:
    case FUSE_SYMLINK:
    case FUSE_LINK:
    case FUSE_UNLINK:
    case FUSE_RMDIR:
    case FUSE_RENAME:
    case FUSE_RENAME2:
    case FUSE_WRITE: return refuse(request, EROFS);
    default: return refuse(request, ENOSYS); /* OPEN, OPENDIR and FLUSH too: the kernel then asks no more */
    }
}

static void write_path(FILE *out, uint32_t id) {
    static uint32_t *chain;
    static size_t room;
    size_t depth = 0;
    for (; id != FUSE_ROOT_ID; id = nodes[id].parent) {
        if (depth == room) chain = allocate(chain, (room = room ? room * 2 : 64) * sizeof *chain);
        chain[depth++] = id;
    }
    while (depth--) fprintf(out, depth ? "%s/" : "%s", nodes[chain[depth]].name);
}

static int write_record(int descriptor) {
    FILE *out = fdopen(descriptor, "w");
    if (!out) return -1;
    fprintf(out, "layerc-trace 1\n");
    for (uint32_t id = FUSE_ROOT_ID; id < node_count; id++) {
        if (!nodes[id].events) continue;
        fprintf(out, "%x ", nodes[id].events);
        write_path(out, id);
        fputc(0, out);
    }
    fwrite(".", 1, 2, out);
    return fclose(out);
}

int main(int count, char **words) {
    if (count < 5) fail("usage: layerc-tracer FUSE ROOT OUT PARENT [xattr]");
    fuse = atoi(words[1]);
    with_attributes = count > 5 && !strcmp(words[5], "xattr");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != atoi(words[4])) fail("the parent is gone");

    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    open_most = limit.rlim_cur > 4096 ? 4000 : limit.rlim_cur > 64 ? limit.rlim_cur - 32 : 32;
    open_nodes = allocate(NULL, (open_most + 1) * sizeof *open_nodes);
    open_uses = allocate(NULL, (open_most + 1) * sizeof *open_uses);
    content = allocate(NULL, MOST_READ);

    add_node(0, "");
    add_node(0, ""); /* FUSE_ROOT_ID */
    struct stat status;
    nodes[FUSE_ROOT_ID].descriptor = atoi(words[2]);
    if (fstat(nodes[FUSE_ROOT_ID].descriptor, &status)) fail("no root: %s", strerror(errno));
    set_attributes(FUSE_ROOT_ID, &status);

    go_first();
    static char request[REQUEST_BYTES] __attribute__((aligned(8)));
    for (;;) {
        ssize_t size = read(fuse, request, sizeof request - 1);
        if (size < 0 && errno == ENODEV) break;
        if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
        if (size < (ssize_t)sizeof(struct fuse_in_header)) fail("no request: %s", strerror(errno));
        request[size] = 0;
        const struct fuse_in_header *header = (const void *)request;
        follow(header->pid);
        serve(header, request + sizeof *header);
    }
    if (untrusted) fail("a part of the tree could not be read");
    if (crowded) {
        fprintf(stderr, "more than %d names were looked up\n", MOST_NODES);
        return 2;
    }
    return write_record(atoi(words[3])) ? 1 : 0;
}
