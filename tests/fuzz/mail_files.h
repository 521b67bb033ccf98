#ifndef TESTS_FUZZ_MAIL_FILES_H
#define TESTS_FUZZ_MAIL_FILES_H

/* What the Maildir of mail.h holds: folders, messages of each shape, flags, keywords, UIDs with gaps. */

#include <stddef.h>

extern const char *const mail_folders[]; /* below Maildir */
extern const size_t mail_folders_n;

extern const struct mail_file {
        const char *path; /* below the home */
        const char *content;
} mail_files[];
extern const size_t mail_files_n;

#endif
