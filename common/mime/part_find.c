#include "mime/part.h"

#include <errno.h>

static const struct part *child(const struct part *p, uint32_t number)
{
        for (p = p->children; p; p = p->next)
                if (p->number == number)
                        return p;
        return NULL;
}

const struct part *part_find(const struct part *root, const uint32_t *numbers, size_t count)
{
        const struct part *p = root;
        bool message = true; /* p is a message, whose part 1 may be itself */
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && p->kind == PART_MESSAGE) {
                        p = p->children;
                        message = true;
                }
                if (p->kind == PART_MULTIPART)
                        p = child(p, numbers[i]);
                else if (!message || numbers[i] != 1)
                        p = NULL;
                if (!p)
                        return NULL;
                message = false;
        }
        return p;
}

/* Header and body follow each other. */
static struct part_range whole(const struct part *p)
{
        return (struct part_range){p->header.offset, p->header.size + p->body.size,
                                   p->header.lines + p->body.lines, p->header.bare_lf + p->body.bare_lf};
}

int part_section(const struct part *root, const uint32_t *numbers, size_t count, enum part_section section,
                 struct part_range *ret)
{
        const struct part *p = part_find(root, numbers, count);
        if (!p)
                return -ENOENT;
        const struct part *message = count == 0 ? root : p->kind == PART_MESSAGE ? p->children : NULL;
        switch (section) {
        case PART_SECTION_ALL:
                *ret = count == 0 ? whole(p) : p->body;
                return 0;
        case PART_SECTION_MIME:
                if (count == 0)
                        return -ENOENT;
                *ret = p->header;
                return 0;
        case PART_SECTION_HEADER:
        case PART_SECTION_TEXT:
                break;
        }
        if (!message)
                return -ENOENT;
        *ret = section == PART_SECTION_HEADER ? message->header : message->body;
        return 0;
}

const struct part *part_next(const struct part *p)
{
        if (p->children)
                return p->children;
        while (p && !p->next)
                p = p->parent;
        return p ? p->next : NULL;
}

const struct part *part_leaf(const struct part *p)
{
        while (p && p->kind != PART_LEAF)
                p = part_next(p);
        return p;
}
