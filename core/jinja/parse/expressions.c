/* Expressions. Their grammar, from what binds loosest to what binds tightest:
 *
 *     expression  = condition
 *     condition   = disjunction { "if" disjunction [ "else" condition ] }
 *     disjunction = conjunction { "or" conjunction }
 *     conjunction = negation { "and" negation }
 *     negation    = "not" negation | comparison
 *     comparison  = sum { ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ] "in" ) sum }
 *     sum         = concat { ( "+" | "-" ) concat }
 *     concat      = product { "~" product }
 *     product     = power { ( "*" | "/" | "//" | "%" ) power }
 *     power       = unary { "**" unary }                      from left to right, unlike Python's
 *     unary       = ( "-" | "+" ) signed filtered | primary postfix filtered
 *     signed      = ( "-" | "+" ) signed | primary postfix    so -1 | abs is 1
 *     filtered    = { "|" filter | test | arguments }
 *     postfix     = { "." ( name | number ) | subscript | arguments }
 *     subscript   = "[" tuple "]" | "[" [ expression ] ":" [ expression ] [ ":" [ expression ] ] "]"
 *     filter      = dotted [ arguments ]
 *     test        = "is" [ "not" ] dotted [ arguments | primary postfix ]
 *     dotted      = name { "." name }
 *     arguments   = "(" [ argument { "," argument } [ "," ] ] ")"
 *     argument    = name "=" expression | "*" expression | "**" expression | expression
 *     primary     = name | text { text } | number | "(" [ tuple ] ")" | list | dict
 *     list        = "[" [ expression { "," expression } [ "," ] ] "]"
 *     dict        = "{" [ expression ":" expression { "," ... } [ "," ] ] "}"
 *     tuple       = expression { "," expression } [ "," ]
 *
 * A level whose own operator is not there gives the node of the level below, so a name is one node,
 * however many levels it came through. What repeats is a list of operands, not a chain of nodes:
 * the tree is as high as the source is nested, and parser_enter() bounds that.
 */
#include "jinja/parse/parse.h"

#include "jinja/filters/filters.h"
#include "jinja/value/value.h"

#include <string.h>

static struct expression *new_expression(struct parser *parser, enum expression_kind kind)
{
    struct expression *made = parser_take(parser, sizeof *made);
    if (made) {
        made->kind = kind;
        made->line = parser->token.line;
    }
    return made;
}

/* --- arguments --- */

/* First those without a name, then those with one, then "*" and "**", each once. */
static int parse_arguments(struct parser *parser, struct arguments *out)
{
    struct expression **end = &out->values;
    if (parser_expect(parser, "(") != 0)
        return -1;
    while (!parser_at(parser, ")")) {
        bool named =
            parser->token.kind == TOKEN_NAME && token_is(&parser->next, TOKEN_OPERATOR, "=");
        bool rest = parser_at(parser, "*"), rest_named = parser_at(parser, "**");
        if (out->rest_named || (out->rest && !named && !rest_named) ||
            (out->named && !named && !rest && !rest_named))
            return parser_fail(parser, "an argument that stands after those that must be last");
        if (named) {
            struct keyword **last = &out->named, *keyword = parser_take(parser, sizeof *keyword);
            if (out->named_count == JINJA_PARAMETERS_MAX)
                return parser_fail(parser, "more than %d arguments with a name",
                                   JINJA_PARAMETERS_MAX);
            if (!keyword || parser_word(parser, &keyword->name) != 0)
                return -1;
            for (; *last; last = &(*last)->next)
                if (strcmp((*last)->name, keyword->name) == 0)
                    return parser_fail(parser, "the argument '%s' is given twice", keyword->name);
            if (parser_advance(parser) != 0 || parse_expression(parser, true, &keyword->value) != 0)
                return -1;
            *last = keyword;
            out->named_count++;
        } else if (rest || rest_named) {
            if (parser_advance(parser) != 0 ||
                parse_expression(parser, true, rest ? &out->rest : &out->rest_named) != 0)
                return -1;
        } else {
            if (parse_expression(parser, true, end) != 0)
                return -1;
            end = &(*end)->next;
            out->count++;
        }
        if (!parser_at(parser, ")") && parser_expect(parser, ",") != 0)
            return -1;
    }
    return parser_expect(parser, ")");
}

/* --- literals and brackets --- */

/* "a" "b" are one text. */
static int parse_text(struct parser *parser, struct expression **out)
{
    struct buffer joined = BUFFER_INIT;
    struct expression *made = *out = new_expression(parser, EXPRESSION_LITERAL);
    if (!made)
        return -1;
    made->literal = parser->token.value;
    if (parser->next.kind != TOKEN_STRING)
        return parser_advance(parser);
    while (parser->token.kind == TOKEN_STRING) {
        buffer_append(&joined, parser->token.value.is.text.bytes,
                      parser->token.value.is.text.length);
        if (parser_advance(parser) != 0) {
            buffer_free(&joined);
            return -1;
        }
    }
    return jinja_take_text(parser->parsed->heap, &joined, &made->literal, parser->err);
}

/* name, true, false, none */
static int parse_name(struct parser *parser, struct expression **out)
{
    struct expression *made = *out = new_expression(parser, EXPRESSION_LITERAL);
    if (!made)
        return -1;
    if (parser_at_word(parser, "true") || parser_at_word(parser, "True"))
        made->literal = jinja_bool(true);
    else if (parser_at_word(parser, "false") || parser_at_word(parser, "False"))
        made->literal = jinja_bool(false);
    else if (parser_at_word(parser, "none") || parser_at_word(parser, "None"))
        made->literal = jinja_none();
    else {
        made->kind = EXPRESSION_NAME;
        if (parser_symbol(parser, &made->name) != 0)
            return -1;
        parser_reads(parser, made->name);
        return 0;
    }
    return parser_advance(parser);
}

static int parse_number(struct parser *parser, struct expression **out)
{
    *out = new_expression(parser, EXPRESSION_LITERAL);
    if (!*out)
        return -1;
    (*out)->literal = parser->token.value;
    return parser_advance(parser);
}

/* list := "[" [expression ("," expression)* [","]] "]"
 * dict := "{" [expression ":" expression ("," ...)* [","]] "}" */
static int parse_items(struct parser *parser, bool dict, struct expression **out)
{
    const char *close = dict ? "}" : "]";
    struct expression *made = *out =
        new_expression(parser, dict ? EXPRESSION_DICT : EXPRESSION_LIST);
    struct expression **end = made ? &made->first : NULL;
    if (!made || parser_advance(parser) != 0)
        return -1;
    while (!parser_at(parser, close)) {
        if (parse_expression(parser, true, end) != 0)
            return -1;
        end = &(*end)->next;
        if (dict) {
            if (parser_expect(parser, ":") != 0 || parse_expression(parser, true, end) != 0)
                return -1;
            end = &(*end)->next;
        }
        if (!parser_at(parser, close) && parser_expect(parser, ",") != 0)
            return -1;
    }
    return parser_expect(parser, close);
}

/* Where a tuple may end after a comma, or before its first element. */
static bool at_tuple_end(const struct parser *parser, const char *end)
{
    return parser->token.kind == TOKEN_PRINT_END || parser->token.kind == TOKEN_BLOCK_END ||
           parser_at(parser, ")") || (end && parser_at_word(parser, end));
}

/* tuple := expression ("," expression)* [","] */
static int parse_elements(struct parser *parser, bool with_condition, bool may_be_empty,
                          const char *end, struct expression **out)
{
    struct expression *first = NULL, **last = &first;
    bool several = may_be_empty && at_tuple_end(parser, end);
    int line = parser->token.line;
    if (!several) {
        if (parse_expression(parser, with_condition, &first) != 0)
            return -1;
        last = &first->next;
    }
    while (parser_at(parser, ",")) {
        several = true;
        if (parser_advance(parser) != 0)
            return -1;
        if (at_tuple_end(parser, end))
            break;
        if (parse_expression(parser, with_condition, last) != 0)
            return -1;
        last = &(*last)->next;
    }
    *out = several ? new_expression(parser, EXPRESSION_TUPLE) : first;
    if (!*out)
        return -1;
    if (several) {
        (*out)->first = first;
        (*out)->line = line;
    }
    return 0;
}

int parse_tuple(struct parser *parser, bool with_condition, const char *end,
                struct expression **out)
{
    return parse_elements(parser, with_condition, false, end, out);
}

/* primary := name | text+ | number | "(" [tuple] ")" | list | dict */
static int parse_primary(struct parser *parser, struct expression **out)
{
    switch (parser->token.kind) {
    case TOKEN_NAME:
        return parse_name(parser, out);
    case TOKEN_STRING:
        return parse_text(parser, out);
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
        return parse_number(parser, out);
    default:
        break;
    }
    if (parser_at(parser, "[") || parser_at(parser, "{"))
        return parse_items(parser, parser_at(parser, "{"), out);
    if (!parser_at(parser, "("))
        return parser_expected(parser, "an expression");
    if (parser_advance(parser) != 0 || parse_elements(parser, true, true, NULL, out) != 0)
        return -1;
    return parser_expect(parser, ")");
}

/* --- what follows a primary --- */

/* Adds a link to a chain, which *node becomes where it is none yet. */
static struct link *add_link(struct parser *parser, struct expression **node, struct link **last,
                             enum link_kind kind)
{
    struct link *made = parser_take(parser, sizeof *made);
    if (!made)
        return NULL;
    made->kind = kind;
    made->line = parser->token.line;
    if (*last) {
        (*last)->next = made;
    } else {
        struct expression *chain = new_expression(parser, EXPRESSION_CHAIN);
        if (!chain)
            return NULL;
        chain->line = (*node)->line;
        chain->first = *node;
        chain->links = made;
        *node = chain;
    }
    return *last = made;
}

/* One bound of a slice, none where nothing stands. */
static int parse_bound(struct parser *parser, struct expression **out)
{
    if (!parser_at(parser, ":") && !parser_at(parser, "]"))
        return parse_expression(parser, true, out);
    *out = new_expression(parser, EXPRESSION_LITERAL);
    if (!*out)
        return -1;
    (*out)->literal = jinja_none();
    return 0;
}

/* subscript := "[" tuple "]" | "[" [expression] ":" [expression] [":" [expression]] "]" */
static int parse_subscript(struct parser *parser, struct link *link)
{
    struct expression **end = &link->arguments.values;
    if (parser_advance(parser) != 0)
        return -1;
    if (parser_at(parser, ":") ? parse_bound(parser, end) != 0
                               : parse_elements(parser, true, false, NULL, end) != 0)
        return -1;
    if (!parser_at(parser, ":"))
        return parser_expect(parser, "]");
    link->kind = LINK_SLICE;
    for (int i = 0; i < 2; i++) {
        end = &(*end)->next;
        if (!parser_at(parser, "]") && parser_expect(parser, ":") != 0)
            return -1;
        if (parse_bound(parser, end) != 0)
            return -1;
    }
    return parser_expect(parser, "]");
}

/* One link for each, until none follows. */
static int parse_postfix(struct parser *parser, struct expression **node, struct link **last)
{
    for (;;) {
        bool dot = parser_at(parser, "."), bracket = parser_at(parser, "[");
        if (!dot && !bracket && !parser_at(parser, "("))
            return 0;
        struct link *link = add_link(parser, node, last,
                                     dot       ? LINK_ATTRIBUTE
                                     : bracket ? LINK_ITEM
                                               : LINK_CALL);
        if (!link || (dot && parser_advance(parser) != 0))
            return -1;
        int status;
        if (!dot) {
            status =
                bracket ? parse_subscript(parser, link) : parse_arguments(parser, &link->arguments);
        } else if (parser->token.kind == TOKEN_NAME) {
            status = parser_word(parser, &link->name);
        } else if (parser->token.kind == TOKEN_INTEGER) {
            link->kind = LINK_ITEM;
            status = parse_number(parser, &link->arguments.values);
        } else {
            status = parser_expected(parser, "a name or a number after '.'");
        }
        if (status != 0)
            return -1;
    }
}

/* name ("." name)*: no filter or test here has dots, but the message should have all of it. */
static int parse_dotted(struct parser *parser, const char **out)
{
    const char *part;
    struct jinja_value joined;
    if (parser_word(parser, out) != 0)
        return -1;
    while (parser_at(parser, ".")) {
        struct buffer text = BUFFER_INIT;
        if (parser_advance(parser) != 0 || parser_word(parser, &part) != 0)
            return -1;
        buffer_format(&text, "%s.%s", *out, part);
        if (jinja_take_text(parser->parsed->heap, &text, &joined, parser->err) != 0)
            return -1;
        *out = joined.is.text.bytes;
    }
    return 0;
}

/* filter := name [arguments] */
static int parse_filter(struct parser *parser, struct link *link)
{
    if (parse_dotted(parser, &link->name) != 0)
        return -1;
    link->filter = jinja_filter_by_name(link->name);
    return parser_at(parser, "(") ? parse_arguments(parser, &link->arguments) : 0;
}

/* A chain of filters, as links after what they are applied to. */
int parse_filters(struct parser *parser, struct link **out)
{
    do {
        struct link *link = *out = parser_take(parser, sizeof *link);
        if (!link)
            return -1;
        link->kind = LINK_FILTER;
        link->line = parser->token.line;
        if (parse_filter(parser, link) != 0)
            return -1;
        out = &link->next;
    } while (parser_take_operator(parser, "|") > 0);
    return 0;
}

/* One argument may follow without brackets, as in `is divisibleby 3`. */
static int parse_test(struct parser *parser, struct link *link)
{
    struct expression **argument = &link->arguments.values;
    struct link *last = NULL;
    int negated = parser_advance(parser) == 0 ? parser_take_word(parser, "not") : -1;
    if (negated < 0 || parse_dotted(parser, &link->name) != 0)
        return -1;
    link->negated = negated;
    link->test = jinja_test_by_name(link->name);
    if (parser_at(parser, "("))
        return parse_arguments(parser, &link->arguments);
    enum token_kind kind = parser->token.kind;
    bool follows = kind == TOKEN_NAME
                       ? !parser_at_word(parser, "else") && !parser_at_word(parser, "or") &&
                             !parser_at_word(parser, "and")
                       : kind == TOKEN_STRING || kind == TOKEN_INTEGER || kind == TOKEN_FLOAT ||
                             parser_at(parser, "[") || parser_at(parser, "{");
    if (!follows)
        return 0;
    if (parser_at_word(parser, "is"))
        return parser_fail(parser, "tests cannot be chained with 'is'");
    link->arguments.count = 1;
    if (parse_primary(parser, argument) != 0)
        return -1;
    return parse_postfix(parser, argument, &last);
}

/* Filters, tests and calls of what these give. */
static int parse_filtered(struct parser *parser, struct expression **node, struct link **last)
{
    for (;;) {
        int status;
        struct link *link;
        bool bar = parser_at(parser, "|"), is = parser_at_word(parser, "is");
        if (!bar && !is && !parser_at(parser, "("))
            return 0;
        link = add_link(parser, node, last, bar ? LINK_FILTER : is ? LINK_TEST : LINK_CALL);
        if (!link)
            return -1;
        if (bar)
            status = parser_advance(parser) == 0 ? parse_filter(parser, link) : -1;
        else
            status = is ? parse_test(parser, link) : parse_arguments(parser, &link->arguments);
        if (status != 0)
            return -1;
    }
}

/* --- operators --- */

/* Makes an operand the first of a new operation; *end is where the next one goes. */
static struct expression *new_operation(struct parser *parser, enum expression_kind kind,
                                        struct expression *first, struct expression ***end)
{
    struct expression *made = new_expression(parser, kind);
    if (made) {
        made->line = first->line;
        made->first = first;
        *end = &first->next;
    }
    return made;
}

/* A sign binds tighter than a filter and looser than what follows a primary. */
static int parse_unary(struct parser *parser, bool with_filters, struct expression **out)
{
    struct link *last = NULL;
    if (parser_at(parser, "-") || parser_at(parser, "+")) {
        struct expression *made = new_expression(parser, EXPRESSION_SIGN);
        if (!made || parser_enter(parser) != 0)
            return -1;
        const char *sign = parser_at(parser, "-") ? "-" : "+";
        if (parser_advance(parser) != 0 || parse_unary(parser, false, &made->first) != 0)
            return -1;
        made->first->op = sign;
        parser_leave(parser);
        *out = made;
    } else if (parse_primary(parser, out) != 0 || parse_postfix(parser, out, &last) != 0) {
        return -1;
    }
    return with_filters ? parse_filtered(parser, out, &last) : 0;
}

/* From what binds loosest, each of one precedence. */
static const struct {
    enum expression_kind kind;
    const char *operators[5];
} levels[] = {{EXPRESSION_BINARY, {"+", "-"}},
              {EXPRESSION_CONCAT, {"~"}},
              {EXPRESSION_BINARY, {"*", "/", "//", "%"}},
              {EXPRESSION_BINARY, {"**"}}};

/* sum, concat, product or power, from level 0 on. */
static int parse_binary(struct parser *parser, size_t level, struct expression **out)
{
    struct expression *made = NULL, **end = NULL;
    if (level == sizeof levels / sizeof *levels)
        return parse_unary(parser, true, out);
    if (parse_binary(parser, level + 1, out) != 0)
        return -1;
    for (;;) {
        const char *const *op = levels[level].operators;
        while (*op && !parser_at(parser, *op))
            op++;
        if (!*op)
            return 0;
        if (!made && !(made = *out = new_operation(parser, levels[level].kind, *out, &end)))
            return -1;
        if (parser_advance(parser) != 0 || parse_binary(parser, level + 1, end) != 0)
            return -1;
        (*end)->op = *op;
        end = &(*end)->next;
    }
}

/* Any number of comparisons in a row are one node, as Python's. */
static int parse_comparison(struct parser *parser, struct expression **out)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
    struct expression *made = NULL, **end = NULL;
    if (parse_binary(parser, 0, out) != 0)
        return -1;
    for (;;) {
        const char *op = NULL;
        for (const char *const *o = operators; *o; o++)
            if (parser_at(parser, *o))
                op = *o;
        if (parser_at_word(parser, "in"))
            op = "in";
        if (parser_at_word(parser, "not") && token_is(&parser->next, TOKEN_NAME, "in"))
            op = "not in";
        if (!op)
            return 0;
        if ((*op == 'n' && parser_advance(parser) != 0) || parser_advance(parser) != 0)
            return -1;
        if (!made && !(made = *out = new_operation(parser, EXPRESSION_COMPARE, *out, &end)))
            return -1;
        if (parse_binary(parser, 0, end) != 0)
            return -1;
        (*end)->op = op;
        end = &(*end)->next;
    }
}

/* `not` may repeat, so it counts against the depth like every recursion. */
static int parse_negation(struct parser *parser, struct expression **out)
{
    if (!parser_at_word(parser, "not"))
        return parse_comparison(parser, out);
    struct expression *made = *out = new_expression(parser, EXPRESSION_NOT);
    if (!made || parser_enter(parser) != 0 || parser_advance(parser) != 0 ||
        parse_negation(parser, &made->first) != 0)
        return -1;
    parser_leave(parser);
    return 0;
}

/* A disjunction, or with `all` a conjunction. */
static int parse_junction(struct parser *parser, bool all, struct expression **out)
{
    struct expression *made = NULL, **end = NULL;
    int taken;
    if ((all ? parse_negation(parser, out) : parse_junction(parser, true, out)) != 0)
        return -1;
    while ((taken = parser_take_word(parser, all ? "and" : "or")) > 0) {
        if (!made && !(made = *out =
                           new_operation(parser, all ? EXPRESSION_AND : EXPRESSION_OR, *out, &end)))
            return -1;
        if ((all ? parse_negation(parser, end) : parse_junction(parser, true, end)) != 0)
            return -1;
        end = &(*end)->next;
    }
    return taken;
}

/* "a if b else c if d else e" nests to the right; without `else` a condition may be followed by
 * another one, of which it is then the value. */
int parse_expression(struct parser *parser, bool with_condition, struct expression **out)
{
    int taken = 0;
    if (parser_enter(parser) != 0 || parse_junction(parser, false, out) != 0)
        return -1;
    while (with_condition && (taken = parser_take_word(parser, "if")) > 0) {
        struct expression **end;
        struct expression *made = new_operation(parser, EXPRESSION_CONDITION, *out, &end);
        if (!made || parse_junction(parser, false, end) != 0)
            return -1;
        int other = parser_take_word(parser, "else");
        if (other < 0 || (other && parse_expression(parser, true, &(*end)->next) != 0))
            return -1;
        *out = made;
    }
    if (taken < 0)
        return -1;
    parser_leave(parser);
    return 0;
}
