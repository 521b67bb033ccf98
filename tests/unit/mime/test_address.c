#include "../unit.h"

#include "mime/address.h"

#include "base/buf.h"

static void show_one(struct buf *to, struct slice s)
{
        if (!s.p)
                buf_str(to, "NIL");
        else
                buf_printf(to, "[%.*s]", SLICE_ARG(s));
}

/* (name route mailbox host) as in ENVELOPE, each [in brackets] or NIL; groups as G[name] and /G. */
static void assert_list(const char *value, const char *want)
{
        _cleanup_(arena_free) struct arena a = {0};
        _cleanup_(buf_free) struct buf b = {0};
        for (struct address *p = address_parse(&a, slice_of(value)); p; p = p->next) {
                if (p->kind == ADDRESS_MAILBOX) {
                        buf_char(&b, '(');
                        show_one(&b, p->name);
                        buf_char(&b, ' ');
                        show_one(&b, p->route);
                        buf_char(&b, ' ');
                        show_one(&b, p->mailbox);
                        buf_char(&b, ' ');
                        show_one(&b, p->host);
                        buf_char(&b, ')');
                        continue;
                }
                assert_null(p->name.p);
                assert_null(p->route.p);
                assert_null(p->host.p);
                buf_str(&b, p->kind == ADDRESS_GROUP_START ? "G" : "/G");
                if (p->kind == ADDRESS_GROUP_START)
                        show_one(&b, p->mailbox);
                else
                        assert_null(p->mailbox.p);
        }
        if (strcmp(buf_cstr(&b), want) != 0)
                fail_msg("%s\n  got  %s\n  want %s", value, buf_cstr(&b), want);
}

static void test_plain(void **state)
{
        assert_list("a.b@c.d", "(NIL NIL [a.b] [c.d])");
        assert_list(" <a@b> ", "(NIL NIL [a] [b])");
        assert_list("Joe Q. Public <john.q.public@example.com>",
                    "([Joe Q. Public] NIL [john.q.public] [example.com])");
        assert_list("a@b (Name)", "([Name] NIL [a] [b])");
        assert_list("a@b (c1) (c2 (in \\) it))", "([c2 (in ) it)] NIL [a] [b])");
        assert_list("A (comment) B <a@b> (end)", "([A B] NIL [a] [b])");
        assert_list("\"quoted \\\" name\" <a@b>", "([quoted \" name] NIL [a] [b])");
        assert_list("\"\" <a@b>", "(NIL NIL [a] [b])");
        assert_list("\"a b\"@host", "(NIL NIL [a b] [host])");
        assert_list("<\"x,y\"@z>, q@w", "(NIL NIL [x,y] [z])(NIL NIL [q] [w])");
        assert_list("a  b\r\n  c <d@e>", "([a b c] NIL [d] [e])");
        assert_list("=?utf-8?q?J=C3=B6rg?= <a@b>", "([=?utf-8?q?J=C3=B6rg?=] NIL [a] [b])");
        assert_list("J\xc3\xb6rg <\xc3\xb6@x>", "([J\xc3\xb6rg] NIL [\xc3\xb6] [x])");
        assert_list("a@[127.0.0.1], b@[IPv6:1::2] (x)",
                    "(NIL NIL [a] [[127.0.0.1]])([x] NIL [b] [[IPv6:1::2]])");
        assert_list("<@r1,@r2:joe@host>", "(NIL [@r1,@r2] [joe] [host])");
        assert_list("", "");
        _cleanup_(arena_free) struct arena a = {0};
        assert_null(address_parse(&a, SLICE_NULL));
        assert_list(" \r\n ", "");
        assert_list("(only a comment)", "");
}

/* RFC 5322 appendix A.1 and A.5, A.6 */
static void test_rfc_examples(void **state)
{
        assert_list(
                "\"Joe Q. Public\" <john.q.public@example.com>, Mary Smith <mary@x.test>, jdoe@example.org, "
                "Who? <one@y.test>",
                "([Joe Q. Public] NIL [john.q.public] [example.com])([Mary Smith] NIL [mary] [x.test])"
                "(NIL NIL [jdoe] [example.org])([Who?] NIL [one] [y.test])");
        assert_list("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
                    "(NIL NIL [boss] [nil.test])([Giant; \"Big\" Box] NIL [sysservices] [example.net])");
        assert_list("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
                    "G[A Group]([Ed Jones] NIL [c] [a.test])(NIL NIL [joe] [where.test])([John] NIL [jdoe] "
                    "[one.test])/G");
        assert_list("Undisclosed recipients:;", "G[Undisclosed recipients]/G");
        assert_list("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
                    "([Pete] NIL [pete] [silly.test])");
        assert_list("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
                    "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the "
                    "group)",
                    "G[A Group]([Chris Jones] NIL [c] [public.example])(NIL NIL [joe] [example.org])"
                    "([John] NIL [jdoe] [one.test])/G");
        assert_list("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
                    "G[Hidden recipients]/G");
        assert_list("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
                    "([Mary Smith] [@node.test] [mary] [example.net])(NIL NIL [jdoe] [test.example])");
        assert_list("Joe . Q . Public <a @ b . c>, \"x\" . y @ z",
                    "([Joe . Q . Public] NIL [a] [b.c])(NIL NIL [x.y] [z])");
}

static void test_broken(void **state)
{
        assert_list("foo", "(NIL NIL [foo] [MISSING_DOMAIN])");
        assert_list("<foo>", "(NIL NIL [foo] [MISSING_DOMAIN])");
        assert_list("foo@", "(NIL NIL [foo] [MISSING_DOMAIN])");
        assert_list("foo <>", "([foo] NIL [MISSING_MAILBOX] [MISSING_DOMAIN])");
        assert_list("<@example.org>", "(NIL NIL [MISSING_MAILBOX] [example.org])");
        assert_list("foo bar", "([foo bar] NIL [MISSING_MAILBOX] [MISSING_DOMAIN])");
        assert_list(", ,a@b,,", "(NIL NIL [a] [b])");
        assert_list("<a@b", "(NIL NIL [a] [b])");
        assert_list("a@b>", "(NIL NIL [a] [b])");
        assert_list("a@b@c, d@e", "(NIL NIL [a] [b])(NIL NIL [d] [e])");
        assert_list("Foo, Bar <a@b>", "(NIL NIL [Foo] [MISSING_DOMAIN])([Bar] NIL [a] [b])");
        assert_list("a@b; c@d", "(NIL NIL [a] [b])(NIL NIL [c] [d])");
        assert_list("user@domain <real@x>", "([user@domain] NIL [real] [x])");
        assert_list("x <a@b> more, c@d", "([x] NIL [a] [b])(NIL NIL [c] [d])");
        assert_list("a <b> <c@d>", "([a] NIL [b] [MISSING_DOMAIN])");
        assert_list("Foo [bar] \\ <a@b>", "([Foo [bar] \\] NIL [a] [b])");
        assert_list("\"unterminated <a@b>, c@d", "([\"unterminated] NIL [a] [b])(NIL NIL [c] [d])");
        assert_list("(unterminated <a@b>", "([(unterminated] NIL [a] [b])");
        assert_list("Group: a@b, c@d", "G[Group](NIL NIL [a] [b])(NIL NIL [c] [d])/G");
        assert_list("Group: Inner: a@b;; c@d", "G[Group](NIL NIL [a] [b])/G(NIL NIL [c] [d])");
        assert_list(":;", "G[]/G");
        assert_list("<@r1@r2:a@b>", "(NIL [@r1,@r2] [a] [b])");
        assert_list("@", "(NIL NIL [MISSING_MAILBOX] [MISSING_DOMAIN])");
        assert_list("<<<a@b>>>", "(NIL NIL [MISSING_MAILBOX] [MISSING_DOMAIN])");
}

/* A million of anything is answered at once, and the list has its bound and its group's end. */
static void test_limit(void **state)
{
        static const char *const pieces[] = {"a@b,", "(", "\"", "<", "<@", "a:", "@[", "((x)", ";", "a. "};
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                _cleanup_(arena_free) struct arena a = {0};
                _cleanup_(buf_free) struct buf b = {0};
                buf_str(&b, "g: ");
                for (int k = 0; k < 300000; k++)
                        buf_str(&b, pieces[i]);
                unsigned count = 0, open = 0;
                for (struct address *p = address_parse(&a, buf_slice(&b)); p; p = p->next) {
                        count++;
                        open += p->kind == ADDRESS_GROUP_START;
                        open -= p->kind == ADDRESS_GROUP_END;
                }
                assert_int_equal(open, 0);
                assert_true(count >= 2 && count <= ADDRESS_MAX);
                if (i == 0)
                        assert_int_equal(count, ADDRESS_MAX);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_rfc_examples),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_limit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
