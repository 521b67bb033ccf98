#include "store/uidlist_text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/number.h"

bool uidlist_field(struct slice fields, char key, struct slice *ret)
{
        struct slice field;
        while (slice_split(&fields, ' ', &field))
                if (field.n && field.p[0] == key) {
                        *ret = slice_from(field, 1);
                        return true;
                }
        return false;
}

static bool is_guid(struct slice s)
{
        for (size_t i = 0; i < s.n; i++) {
                char c = ascii_lower(s.p[i]);
                if (!ascii_isdigit(c) && (c < 'a' || c > 'f'))
                        return false;
        }
        return s.n == UIDLIST_GUID_LEN;
}

void uidlist_guid(struct slice text, char ret[UIDLIST_GUID_LEN + 1])
{
        if (is_guid(text))
                for (size_t i = 0; i < UIDLIST_GUID_LEN; i++)
                        ret[i] = ascii_lower(text.p[i]);
        else
                snprintf(ret, UIDLIST_GUID_LEN + 1, "%016" PRIx64 "%016" PRIx64, hash_bytes(text, 1),
                         hash_bytes(text, 2));
        ret[UIDLIST_GUID_LEN] = '\0';
}

bool uidlist_guid_fits(struct slice text)
{
        for (size_t i = 0; i < text.n; i++)
                if ((unsigned char)text.p[i] <= ' ')
                        return false;
        return text.n > 0 && text.n <= NAME_MAX;
}

static bool has_control(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
                        return true;
        return false;
}

int uidlist_header_parse(struct slice line, struct uidlist_header *ret)
{
        struct uidlist_header h = {0};
        struct slice version, validity, next;
        if (has_control(line) || !slice_split(&line, ' ', &version))
                return -EINVAL;
        if (slice_eq(version, SLICE("1"))) {
                h.version = 1;
                if (!slice_split(&line, ' ', &validity) || !slice_split(&line, ' ', &next))
                        return -EINVAL;
        } else if (slice_eq(version, SLICE("3"))) {
                h.version = 3;
                h.fields = line;
                if (!uidlist_field(line, 'V', &validity) || !uidlist_field(line, 'N', &next))
                        return -EINVAL;
                if (uidlist_field(line, 'G', &h.guid) && !is_guid(h.guid))
                        return -EINVAL;
        } else {
                return -EINVAL;
        }
        if (slice_to_u32(validity, &h.uidvalidity) < 0 || slice_to_u32(next, &h.nextuid) < 0)
                return -EINVAL;
        if (h.uidvalidity == 0 || h.nextuid == 0 || h.nextuid > UIDLIST_UID_MAX)
                return -EINVAL;
        *ret = h;
        return 0;
}

void uidlist_header_format(struct buf *to, uint32_t uidvalidity, uint32_t nextuid, const char *guid,
                           struct slice old_fields)
{
        buf_printf(to, "%d V%" PRIu32 " N%" PRIu32 " G%s", UIDLIST_VERSION, uidvalidity, nextuid, guid);
        struct slice field;
        while (slice_split(&old_fields, ' ', &field))
                if (field.n && !strchr("VNG", field.p[0])) {
                        buf_char(to, ' ');
                        buf_append(to, field);
                }
        buf_char(to, '\n');
}

int uidlist_line_parse(unsigned version, struct slice line, struct uidlist_line *ret)
{
        struct uidlist_line l = {0};
        struct slice number;
        if (has_control(line) || !slice_split(&line, ' ', &number))
                return -EINVAL;
        if (slice_to_u32(number, &l.uid) < 0 || l.uid == 0 || l.uid >= UIDLIST_UID_MAX)
                return -EINVAL;
        while (line.n && line.p[0] == ' ')
                line = slice_from(line, 1);
        if (version != 1) {
                /* the name begins at the first field that starts with a colon; values have none of their own
                 * after a space */
                size_t colon = 0;
                if (line.n == 0 || line.p[0] != ':') {
                        colon = slice_find_slice(line, SLICE(" :"));
                        if (colon == line.n)
                                return -EINVAL;
                        l.fields = slice_head(line, colon++);
                        while (l.fields.n && l.fields.p[l.fields.n - 1] == ' ')
                                l.fields.n--;
                }
                line = slice_from(line, colon + 1);
        }
        l.base = slice_head(line, slice_find(line, ':'));
        if (l.base.n == 0 || slice_find(l.base, '/') < l.base.n)
                return -EINVAL;
        *ret = l;
        return 0;
}

void uidlist_line_format(struct buf *to, const struct uidlist_line *line)
{
        buf_printf(to, "%" PRIu32, line->uid);
        if (line->fields.n) {
                buf_char(to, ' ');
                buf_append(to, line->fields);
        }
        buf_append(to, SLICE(" :"));
        buf_append(to, line->base);
        buf_char(to, '\n');
}
