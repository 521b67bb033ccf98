#include "pop3_stream.h"

#include "stage.h"

static struct slice take_line(struct slice *told)
{
        size_t n = slice_find(*told, '\n');
        if (n == told->n || n == 0 || told->p[n - 1] != '\r')
                stage_fail("a line does not end in CRLF", *told);
        struct slice line = slice_head(*told, n - 1);
        *told = slice_from(*told, n + 1);
        return line;
}

/* Whether OK is followed by more lines. */
static bool has_lines(struct slice command)
{
        static const char *const always[] = {"CAPA", "RETR", "TOP"};
        static const char *const alone[] = {"LIST", "UIDL", "AUTH"};
        struct slice word = slice_head(command, slice_find(command, ' '));
        struct slice rest = slice_trim(slice_from(command, word.n));
        for (size_t i = 0; i < ARRAY_LEN(always); i++)
                if (slice_ieq(word, slice_of(always[i])))
                        return true;
        for (size_t i = 0; i < ARRAY_LEN(alone); i++)
                if (slice_ieq(word, slice_of(alone[i])))
                        return rest.n == 0;
        return false;
}

static bool is_ok(struct slice line)
{
        bool ok = slice_starts(line, SLICE("+OK"));
        if (!ok && !slice_starts(line, SLICE("-ERR ")))
                stage_fail("neither +OK nor -ERR", line);
        return ok;
}

static void take_lines(struct slice *told)
{
        for (;;) {
                struct slice line = take_line(told);
                if (slice_eq(line, SLICE(".")))
                        return;
                if (slice_starts(line, SLICE(".")) && !slice_starts(line, SLICE("..")))
                        stage_fail("a dot is not stuffed", line);
        }
}

void pop3_stream_check(struct slice said, struct slice told)
{
        is_ok(take_line(&told));
        while (said.n && told.n) {
                size_t n = slice_find(said, '\n');
                struct slice command = slice_head(said, n);
                if (n == said.n)
                        break;
                said = slice_from(said, n + 1);
                if (slice_ends(command, SLICE("\r")))
                        command.n--;
                struct slice line = take_line(&told);
                /* of AUTH */
                while (slice_starts(line, SLICE("+ ")) && (n = slice_find(said, '\n')) < said.n && told.n) {
                        said = slice_from(said, n + 1);
                        line = take_line(&told);
                }
                if (slice_starts(line, SLICE("+ ")))
                        return;
                if (is_ok(line) && has_lines(command))
                        take_lines(&told);
        }
        /* why it ends */
        if (told.n && is_ok(take_line(&told)))
                stage_fail("OK to nothing", told);
        if (told.n)
                stage_fail("more than one last word", told);
}
