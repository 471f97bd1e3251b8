/* Addresses, and where a redirect may lead; the names that a hub gives. What a hub does on the line is
 * in tests/program/hub_fetch.sh. */
#include "test.h"

#include "hub/http.h"
#include "hub/repository.h"

#include <stdlib.h>
#include <string.h>

static void a_redirect_leads_where_it_may(void **state)
{
    static const struct {
        const char *base, *location, *result, *why;
    } cases[] = {
        {"https://hub/a/b", "/c?x=1", "https://hub/c?x=1", NULL},
        {"https://hub/a/b", "c", "https://hub/a/c", NULL},
        {"https://hub/a", "https://cdn:8443/x", "https://cdn:8443/x", NULL},
        {"http://hub/a", "https://hub/x", "https://hub/x", NULL},
        {"https://hub/a", "//cdn/x", "https://cdn/x", NULL},
        {"https://hub/a", "http://hub/x", NULL, "from https to http"},
        {"https://hub/a", "file:///etc/passwd", NULL, "neither http nor https"},
        {"https://hub/a", "ftp://hub/x", NULL, "neither http nor https"},
        {"https://hub/a", "https://me@cdn/x", NULL, "a user's name"},
        {"https://hub/a", "https://me:secret@cdn/x", NULL, "a user's name"},
        {"https://hub/a", "https://", NULL, "no URL"},
    };
    char out[HTTP_URL_MAX];
    (void)state;
    assert_int_equal(http_start(NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        int status = url_resolve(out, cases[i].base, cases[i].location, &err);
        assert_int_equal(status, cases[i].why ? -1 : 0);
        if (cases[i].why)
            assert_non_null(strstr(err.text, cases[i].why));
        else
            assert_string_equal(out, cases[i].result);
        assert_null(strstr(err.text, "secret"));
    }
}

/* The token's way: scheme, host and port. */
static void the_same_host_is_the_same(void **state)
{
    (void)state;
    assert_int_equal(http_start(NULL), 0);
    assert_true(url_same_host("https://hub/a", "https://hub/b?c"));
    assert_true(url_same_host("https://hub/a", "https://HUB:443/"));
    assert_false(url_same_host("https://hub/a", "http://hub/a"));
    assert_false(url_same_host("https://hub/a", "https://hub:444/a"));
    assert_false(url_same_host("https://hub/a", "https://hub.evil/a"));
    assert_false(url_same_host("https://hub/a", "https://hub@evil/a"));
    assert_false(url_same_host("https://hub/a", "nothing"));
}

static void what_is_secret_is_not_shown(void **state)
{
    (void)state;
    assert_int_equal(http_start(NULL), 0);
    char *shown = url_shown("https://me:secret@hub:8443/a/b?X-Signature=secret#secret");
    assert_string_equal(shown, "https://hub:8443/a/b");
    free(shown);
}

static void parts_of_a_path_are_escaped(void **state)
{
    (void)state;
    struct buffer out = BUFFER_INIT;
    url_put_part(&out, "refs/pr/1", false);
    url_put_part(&out, "/a b/%\xC3\xA4?#.json", true);
    assert_string_equal(buffer_string(&out), "refs%2Fpr%2F1/a%20b/%25%C3%A4%3F%23.json");
    buffer_free(&out);
}

static void names_stay_below_their_folder(void **state)
{
    static const char *const safe[] = {
        "a", "a.b", "a/b c.json", "..a", "a..", ".gitattributes", "\xC3\xA4/b"};
    static const char *const unsafe[] = {"",      "/a",   "a/",       "a//b", "..",
                                         "../a",  "a/..", "a/../b",   ".",    "a/./b",
                                         "a\x1b", "a\nb", "\xFF.json"};
    (void)state;
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        assert_true(repository_file_is_safe(safe[i]));
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        assert_false(repository_file_is_safe(unsafe[i]));
    assert_true(repository_etag_is_safe("d41d8cd98f00b204e9800998ecf8427e-12"));
    assert_false(repository_etag_is_safe("a/b"));
    assert_false(repository_etag_is_safe(".incomplete"));
    assert_false(repository_etag_is_safe(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redirect_leads_where_it_may),
        cmocka_unit_test(the_same_host_is_the_same),
        cmocka_unit_test(what_is_secret_is_not_shown),
        cmocka_unit_test(parts_of_a_path_are_escaped),
        cmocka_unit_test(names_stay_below_their_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
