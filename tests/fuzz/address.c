/* Address lists: every entry is complete, and every group has its end. */

#include <stdlib.h>

#include "mime/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
        if (!ok)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(arena_free) struct arena a = {0};
        unsigned count = 0;
        bool in_group = false;
        for (struct address *p = address_parse(&a, slice_make(data, size)); p; p = p->next, count++) {
                if (p->kind == ADDRESS_MAILBOX) {
                        must(p->mailbox.n && p->host.n);
                        must(!p->name.p || p->name.n);
                        must(!p->route.p || p->route.n);
                        continue;
                }
                must(in_group == (p->kind == ADDRESS_GROUP_END));
                in_group = !in_group;
                must(!p->name.p && !p->route.p && !p->host.p);
        }
        must(!in_group);
        must(count <= ADDRESS_MAX);
        return 0;
}
