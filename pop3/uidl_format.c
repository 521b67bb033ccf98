#include "pop3/uidl_format.h"

#include "base/number.h"

enum { HEX_DIGITS = 8, DECIMAL_DIGITS = 10 /* of a uint32_t */ };

static bool is_printable(struct slice s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < 0x21 || s.p[i] > 0x7e)
                        return false;
        return true;
}

/* What follows a percent sign; false when it is more than a part can tell. */
static bool take_reference(struct slice *rest, struct uidl_part *ret)
{
        struct uidl_part part = {0};
        size_t n = 0;
        /* a width without a leading zero cuts */
        if (rest->n && rest->p[0] == '0')
                for (; n < rest->n && ascii_isdigit(rest->p[n]); n++) {
                        part.width = part.width * 10 + (unsigned)(rest->p[n] - '0');
                        if (part.width > UIDL_FORMAT_WIDTH)
                                return false;
                }
        if (n < rest->n && rest->p[n] == 'X') {
                part.hex = true;
                n++;
        }
        if (n == rest->n)
                return false;
        char key = rest->p[n++];
        if (key == '%' && n == 1) {
                part.kind = UIDL_LITERAL;
                part.literal = slice_head(*rest, 1);
        } else if (key == 'u' || key == 'v') {
                part.kind = key == 'u' ? UIDL_UID : UIDL_UIDVALIDITY;
        } else if ((key == 'f' || key == 'g' || key == 'm') && n == 1) {
                part.kind = key == 'f' ? UIDL_FILE : key == 'g' ? UIDL_GUID : UIDL_MD5;
        } else {
                return false;
        }
        *rest = slice_from(*rest, n);
        *ret = part;
        return true;
}

static bool take_part(struct slice *rest, struct uidl_part *ret)
{
        size_t percent = slice_find(*rest, '%');
        if (percent == 0) {
                *rest = slice_from(*rest, 1);
                return take_reference(rest, ret);
        }
        *ret = (struct uidl_part){.kind = UIDL_LITERAL, .literal = slice_head(*rest, percent)};
        *rest = slice_from(*rest, percent);
        return true;
}

void uidl_format_compile(const char *text, struct uidl_format *ret)
{
        struct uidl_format f = {.text = text};
        struct slice rest = slice_of(text);
        bool has_uid = false, printable = true;
        f.odd = rest.n > UIDL_FORMAT_TEXT;
        while (rest.n && !f.odd) {
                struct uidl_part *part = &f.part[f.n];
                if (f.n == UIDL_FORMAT_PARTS || !take_part(&rest, part)) {
                        f.odd = true;
                        break;
                }
                f.n++;
                has_uid |= part->kind == UIDL_UID;
                printable = printable && is_printable(part->literal);
                f.guid |= part->kind == UIDL_GUID;
                f.md5 |= part->kind == UIDL_MD5;
                if (part->kind >= UIDL_FILE)
                        f.texts++;
                else if (part->kind == UIDL_LITERAL)
                        f.longest += part->literal.n;
                else
                        f.longest +=
                                MAX(part->width, part->hex ? (unsigned)HEX_DIGITS : (unsigned)DECIMAL_DIGITS);
        }
        if (f.odd)
                f.guid = f.md5 = true;
        /* A number's digits do not get fewer as it grows. So two ids of the same length have the same number
         * of them in each place, and with another UID other ones. */
        f.plain = !f.odd && has_uid && printable && f.texts == 0 && f.longest <= UIDL_MAX;
        *ret = f;
}

static char *write_hex(char *to, uint32_t v, unsigned width)
{
        static const char digits[] = "0123456789abcdef";
        unsigned n = v ? (35u - (unsigned)__builtin_clz(v)) / 4 : 1;
        for (; width > n; width--)
                *to++ = '0';
        for (unsigned i = n; i > 0; i--)
                *to++ = digits[v >> (i - 1) * 4 & 0xf];
        return to;
}

static char *write_decimal(char *to, uint32_t v, unsigned width)
{
        char text[NUMBER_MAX];
        size_t n = (size_t)(number_write(text, v) - text);
        for (; width > n; width--)
                *to++ = '0';
        memcpy(to, text, n);
        return to + n;
}

static char *write_text(char *to, struct slice s)
{
        if (s.n)
                memcpy(to, s.p, s.n);
        return to + s.n;
}

static struct slice text_of(const struct uidl_part *part, const struct uidl_source *source)
{
        if (part->kind == UIDL_LITERAL)
                return part->literal;
        return slice_of(part->kind == UIDL_FILE   ? source->file
                        : part->kind == UIDL_GUID ? source->guid
                                                  : source->md5);
}

size_t uidl_format_room(const struct uidl_format *f, const struct uidl_source *source)
{
        size_t n = f->longest;
        for (unsigned i = 0; i < f->n && f->texts; i++)
                if (f->part[i].kind >= UIDL_FILE)
                        n += text_of(&f->part[i], source).n;
        return n;
}

char *uidl_format_write(const struct uidl_format *f, const struct uidl_source *source, char *to)
{
        for (unsigned i = 0; i < f->n; i++) {
                const struct uidl_part *part = &f->part[i];
                uint32_t v = part->kind == UIDL_UID ? source->uid : source->uidvalidity;
                if (part->kind == UIDL_LITERAL || part->kind >= UIDL_FILE)
                        to = write_text(to, text_of(part, source));
                else if (part->hex)
                        to = write_hex(to, v, part->width);
                else
                        to = write_decimal(to, v, part->width);
        }
        return to;
}
