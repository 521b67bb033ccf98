/* Runs a fuzz target over every file of the folders named as arguments: a corpus is also a plain test.
 * Fails when a folder holds no file, so that a lost corpus is noticed. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_folder(const char *path)
{
        _cleanup_(dir_close_p) DIR *dir = opendir(path);
        if (!dir) {
                perror(path);
                return -1;
        }
        int count = 0;
        for (struct dirent *e; (e = readdir(dir));) {
                if (e->d_name[0] == '.')
                        continue;
                _cleanup_(buf_free) struct buf b = {0};
                _cleanup_(free_p) char *name = xasprintf("%s/%s", path, e->d_name);
                if (file_read(name, &b) < 0) {
                        perror(name);
                        return -1;
                }
                /* an exact copy on the heap, so that a sanitizer sees the first byte read too far */
                _cleanup_(free_p) uint8_t *exact = xmalloc(b.n);
                if (b.n)
                        memcpy(exact, b.p, b.n);
                LLVMFuzzerTestOneInput(exact, b.n);
                count++;
        }
        printf("%s: %d inputs\n", path, count);
        return count;
}

int main(int argc, char **argv)
{
        if (argc < 2) {
                fprintf(stderr, "usage: %s CORPUS-FOLDER...\n", argv[0]);
                return EXIT_FAILURE;
        }
        for (int i = 1; i < argc; i++)
                if (replay_folder(argv[i]) <= 0)
                        return EXIT_FAILURE;
        return EXIT_SUCCESS;
}
