/* Names of folders: what is made on disk means the name it was made from; what is read is a name that can be
 * made again. The first byte chooses the separator and the format. And the file of special uses. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/utf8.h"
#include "store/name.h"
#include "store/special_use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct name_form *form, struct slice name)
{
        _cleanup_(buf_free) struct buf disk = {0}, back = {0};
        if (name_to_disk(form, name, &disk) < 0)
                return;
        bool is_path = form->level == '/';
        assert(disk.n > 0 && disk.n <= (is_path ? NAME_MAX_PATH : NAME_MAX_BYTES));
        struct slice rest = buf_slice(&disk), level;
        assert(is_path || slice_find(rest, '/') == rest.n);
        while (slice_split(&rest, form->level, &level))
                assert(level.n > 0 &&
                       (!is_path || (level.n <= NAME_MAX_LEVEL && !name_is_reserved(form, level))));
        assert(disk.p[disk.n - 1] != form->level);
        assert(name_from_disk(form, buf_slice(&disk), &back) == 0);
        assert(slice_eq(buf_slice(&back), name) && name_same(buf_slice(&back), name));
}

static void check_entry(const struct name_form *form, struct slice disk)
{
        _cleanup_(buf_free) struct buf name = {0}, made = {0};
        if (slice_find(disk, '\0') < disk.n || disk.n > NAME_MAX_BYTES ||
            name_from_disk(form, disk, &name) < 0)
                return;
        assert(utf8_valid(buf_slice(&name)));
        int r = name_to_disk(form, buf_slice(&name), &made);
        assert(r == 0 || r == -ENAMETOOLONG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char separators[] = "./\\^";
        _cleanup_(arena_free) struct arena arena = {0};
        struct special_use *uses;
        size_t n;
        if (size == 0)
                return 0;
        enum { SEPARATORS = sizeof(separators) - 1 };
        const struct name_form forms[] = {
                {.separator = separators[data[0] % SEPARATORS], .level = '.'},
                {.separator = separators[data[0] % SEPARATORS], .level = '/', .reserved = "mbox"},
        };
        const struct name_form *form = &forms[data[0] / SEPARATORS % 2];
        struct slice text = slice_make(data + 1, size - 1);
        if (utf8_valid(text) && slice_find(text, '\0') == text.n)
                check_name(form, text);
        check_entry(form, text);
        name_may_be_new(text);
        special_use_parse(text, &arena, &uses, &n);
        for (size_t i = 0; i < n; i++)
                assert(uses[i].disk.n > 0 && uses[i].uses.p[0] == '\\');
        return 0;
}
