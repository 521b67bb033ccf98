#include "mail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "conf/conf.h"
#include "mail_files.h"

/* Small limits, so that a short input meets them; all that is off unless asked for. */
static const char settings_text[] = "mail_location = maildir:~/Maildir\n"
                                    "mail_fsync = never\n"
                                    "imap_max_line_length = 8k\n"
                                    "imap_metadata = yes\n"
                                    "mail_plugins = quota imap_quota\n"
                                    "plugin {\n"
                                    "  quota = maildir:User quota\n"
                                    "  quota_rule = *:storage=200K:messages=60\n"
                                    "}\n"
                                    "namespace inbox {\n"
                                    "  inbox = yes\n"
                                    "  mailbox Sent {\n"
                                    "    special_use = \\Sent\n"
                                    "  }\n"
                                    "  mailbox Drafts {\n"
                                    "    auto = subscribe\n"
                                    "    special_use = \\Drafts\n"
                                    "  }\n"
                                    "}\n";

/* Made once a process, gone at its end. */
static struct {
        char home[256];
        int fd; /* the home */
        struct arena arena;
        struct settings settings;
} mail = {.fd = -1};

static const char settings_path[] = "/settings";

static int settings_read(void *context, const char *path, struct buf *to)
{
        return strcmp(path, settings_path) == 0 ? buf_str(to, settings_text) : -ENOENT;
}

static int settings_glob(void *context, const char *pattern, struct buf *to)
{
        return -ENOENT;
}

static int settings_identify(void *context, const char *path, struct conf_identity *ret)
{
        *ret = (struct conf_identity){.exists = true};
        return 0;
}

static void load_settings(void)
{
        static const struct conf_io io = {settings_read, settings_glob, settings_identify, NULL};
        const struct conf_source source = {.path = settings_path};
        _cleanup_(buf_free) struct buf messages = {0};
        struct conf *conf = NULL;
        if (conf_load_from(&source, &io, &mail.arena, &conf, &messages) < 0 ||
            conf_resolve(conf, &(struct conf_filter){0}, &mail.arena, &mail.settings) < 0)
                stage_fail("the settings cannot be used", buf_slice(&messages));
}

static void remove_below(int fd)
{
        _cleanup_(dir_close_p) DIR *d = fdopendir(fd);
        for (struct dirent *e; d && (e = readdir(d));) {
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (unlinkat(dirfd(d), e->d_name, 0) == 0)
                        continue;
                int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (below >= 0)
                        remove_below(below);
                unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        }
}

static void empty_home(void)
{
        int fd = openat(mail.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                remove_below(fd);
}

static void clean_up(void)
{
        empty_home();
        rmdir(mail.home);
        fd_close_p(&mail.fd);
        arena_free(&mail.arena);
}

static void set_up(void)
{
        const char *folder = getenv("TMPDIR");
        if (!folder)
                folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        int n = snprintf(mail.home, sizeof(mail.home), "%s/mailsession-fuzz-XXXXXX", folder);
        if (n < 0 || (size_t)n >= sizeof(mail.home) || !mkdtemp(mail.home))
                stage_fail("mkdtemp", slice_of(mail.home));
        mail.fd = open(mail.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        atexit(clean_up);
        load_settings();
        log_hush(true);
}

static void put(const char *path, struct slice content)
{
        _cleanup_(fd_close_p) int fd = openat(mail.fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || fd_write_all(fd, content) < 0)
                stage_fail("cannot write", slice_of(path));
}

static void make_folders(void)
{
        static const char *const below[] = {"", "/cur", "/new", "/tmp"};
        for (size_t i = 0; i < mail_folders_n; i++) {
                for (size_t k = 0; k < ARRAY_LEN(below); k++) {
                        char path[128];
                        snprintf(path, sizeof(path), "Maildir%s%s", mail_folders[i], below[k]);
                        if (mkdirat(mail.fd, path, 0700) < 0)
                                stage_fail("cannot make", slice_of(path));
                }
        }
}

static _noreturn_ void message_cut(void)
{
        stage_fail("a message lost its end", SLICE_NULL);
}

static int no_sandbox(const struct session_start *start, const char *const *paths)
{
        return 0;
}

void mail_session(void (*session)(const struct session_start *start), struct slice input, struct buf *told)
{
        static const struct peer peer = {.session_id = "S1"};
        if (mail.fd < 0)
                set_up();
        empty_home();
        make_folders();
        for (size_t i = 0; i < mail_files_n; i++)
                put(mail_files[i].path, slice_of(mail_files[i].content));
        _cleanup_(stage_close) struct stage stage;
        _cleanup_(arena_free) struct arena arena = {0};
        stage_open(&stage, input);
        const struct session_start start = {
                .settings = &mail.settings,
                .peer = &peer,
                .in_fd = stage.in_fd,
                .out_fd = stage.out_fd,
                .preauth = true,
                .user = {.name = "kevin",
                         .home = mail.home,
                         .uid = geteuid(),
                         .gid = getegid(),
                         .service = "imap"},
                .arena = &arena,
                .message_cut = message_cut,
                .sandbox = no_sandbox,
        };
        session(&start);
        stage_output(&stage, told);
}
