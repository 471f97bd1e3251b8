/* Statements. Their grammar, where a block ends at a tag that is one of its ends:
 *
 *     template    = statements
 *     statements  = { text | "{{" tuple "}}" | "{%" tag "%}" }
 *     tag         = if | for | "break" | "continue" | set | with | filter | print | macro | call
 *                 | "generation" block "endgeneration"
 *     if          = "if" tuple block { "elif" tuple block } [ "else" block ] "endif"
 *     for         = "for" targets "in" tuple [ "if" expression ] [ "recursive" ] block
 *                   [ "else" block ] "endfor"
 *     set         = "set" targets "=" tuple | "set" targets [ "|" filters ] block "endset"
 *     with        = "with" [ targets "=" expression { "," ... } ] block "endwith"
 *     filter      = "filter" filters block "endfilter"
 *     print       = "print" expression { "," expression }
 *     macro       = "macro" name signature block "endmacro"
 *     call        = "call" [ signature ] expression block "endcall"    it ends with a call
 *     signature   = "(" [ name [ "=" expression ] { "," ... } ] ")"
 *     targets     = target { "," target } [ "," ]                      in brackets also none
 *     target      = name | name "." name | "(" targets ")"
 *     filters     = filter { "|" filter }                              of expressions.c
 *     block       = [ ":" ] "%}" statements "{%" end
 *
 * Each function begins after its tag's name, and ends where the tag that closes it ends: before its
 * "%}". */
#include "jinja/parse/parse.h"

#include <string.h>

static int parse_statements(struct parser *parser, const char *const *ends, struct body *out);

/* block(ends) := [":"] "%}" statement* "{%" one of the ends, which stays the current token */
static int parse_block(struct parser *parser, const char *const *ends, struct body *out)
{
    if (parser_take_operator(parser, ":") < 0 ||
        parser_expect_kind(parser, TOKEN_BLOCK_END, "'%}'") != 0 || parser_enter(parser) != 0 ||
        parse_statements(parser, ends, out) != 0)
        return -1;
    parser_leave(parser);
    return 0;
}

/* The same with one end, which is taken. */
static int parse_closed(struct parser *parser, const char *end, struct body *out)
{
    const char *const ends[] = {end, NULL};
    return parse_block(parser, ends, out) == 0 ? parser_advance(parser) : -1;
}

/* --- what is assigned to --- */

static struct target *new_target(struct parser *parser)
{
    struct target *made = parser_take(parser, sizeof *made);
    if (made)
        made->line = parser->token.line;
    return made;
}

static int parse_targets(struct parser *parser, bool attributes, const char *end,
                         struct target **out);

/* NOLINTBEGIN(clang-analyzer-core.NullDereference): the analyser gives up on the recursion, and
 * takes a target that was parsed for one that is not there. */

/* target := name | name "." name | "(" targets ")" */
static int parse_target(struct parser *parser, bool attributes, struct target **out)
{
    int bracket = parser_take_operator(parser, "(");
    if (bracket < 0)
        return -1;
    if (bracket) {
        if (parser_enter(parser) != 0 || parse_targets(parser, false, NULL, out) != 0)
            return -1;
        parser_leave(parser);
        return parser_expect(parser, ")");
    }
    struct target *made = *out = new_target(parser);
    if (!made)
        return -1;
    if (parser->token.kind != TOKEN_NAME)
        return parser_expected(parser, "a name to assign to");
    if (parser_symbol(parser, &made->name) != 0)
        return -1;
    if (attributes && parser_at(parser, ".")) {
        made->kind = TARGET_ATTRIBUTE;
        return parser_advance(parser) == 0 ? parser_word(parser, &made->attribute) : -1;
    }
    if (parser->loops && strcmp(made->name->text, "loop") == 0)
        return parser_fail(parser, "cannot assign to 'loop' in a loop");
    return parser_sets(parser, made->name);
}

/* targets := target ("," target)* [","], in brackets also none */
static int parse_targets(struct parser *parser, bool attributes, const char *end,
                         struct target **out)
{
    struct target *first = NULL, **last = &first, *made = new_target(parser);
    size_t count = 0;
    bool several = parser_at(parser, ")");
    if (!made)
        return -1;
    while (!parser_at(parser, ")") && !(count && end && parser_at_word(parser, end))) {
        if (parse_target(parser, attributes, last) != 0)
            return -1;
        last = &(*last)->next;
        count++;
        int comma = parser_take_operator(parser, ",");
        if (comma < 0)
            return -1;
        if (!comma)
            break;
        several = true;
    }
    if (!several) {
        *out = first;
        return 0;
    }
    made->kind = TARGET_TUPLE;
    made->elements = first;
    made->count = count;
    *out = made;
    return 0;
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */

/* --- if, for, set, with --- */

/* "if" tuple block ("elif" tuple block)* ["else" block] "endif" */
static int parse_if(struct parser *parser, struct statement *out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct branch **end = &out->branches;
    bool test = true;
    for (;;) {
        struct branch *branch = *end = parser_take(parser, sizeof *branch);
        if (!branch || (test && parse_tuple(parser, false, NULL, &branch->test) != 0) ||
            parse_block(parser, test ? ends : ends + 2, &branch->body) != 0)
            return -1;
        bool last = parser_at_word(parser, "endif");
        test = parser_at_word(parser, "elif");
        if (parser_advance(parser) != 0)
            return -1;
        if (last)
            return 0;
        end = &branch->next;
    }
}

/* "for" targets "in" tuple ["if" expression] ["recursive"] block ["else" block] "endfor" */
static int parse_for(struct parser *parser, struct statement *out)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    bool breakable = parser->breakable;
    parser->loops++;
    if (parse_targets(parser, false, "in", &out->target) != 0)
        return -1;
    if (!parser_at_word(parser, "in"))
        return parser_expected(parser, "'in'");
    if (parser_advance(parser) != 0 || parse_tuple(parser, false, "recursive", &out->value) != 0)
        return -1;
    int test = parser_take_word(parser, "if");
    if (test < 0 || (test && parse_expression(parser, true, &out->test) != 0))
        return -1;
    int recursive = parser_take_word(parser, "recursive");
    parser->breakable = true;
    if (recursive < 0 || parse_block(parser, ends, &out->body) != 0)
        return -1;
    out->recursive = recursive;
    parser->breakable = breakable && !recursive;
    int other = parser_take_word(parser, "else");
    if (other < 0 ||
        (other ? parse_closed(parser, "endfor", &out->otherwise) : parser_advance(parser)) != 0)
        return -1;
    parser->breakable = breakable;
    parser->loops--;
    return 0;
}

static int parse_break(struct parser *parser, struct statement *out)
{
    if (!parser->breakable)
        return parser_fail(parser, "'%s' outside of a loop",
                           out->kind == STATEMENT_BREAK ? "break" : "continue");
    return 0;
}

/* "set" targets "=" tuple | "set" targets ("|" filter)* block "endset" */
static int parse_set(struct parser *parser, struct statement *out)
{
    if (parse_targets(parser, true, NULL, &out->target) != 0)
        return -1;
    int assigned = parser_take_operator(parser, "=");
    if (assigned)
        return assigned < 0 ? -1 : parse_tuple(parser, true, NULL, &out->value);
    out->kind = STATEMENT_CAPTURE;
    int bar = parser_take_operator(parser, "|");
    if (bar < 0 || (bar && parse_filters(parser, &out->filters) != 0))
        return -1;
    return parse_closed(parser, "endset", &out->body);
}

/* Its values are evaluated outside of the new scope, so they are parsed before the body. */
static int parse_with(struct parser *parser, struct statement *out)
{
    struct binding **end = &out->bindings;
    while (parser->token.kind != TOKEN_BLOCK_END) {
        struct binding *made = *end = parser_take(parser, sizeof *made);
        if (!made || (out->bindings != made && parser_expect(parser, ",") != 0) ||
            parse_targets(parser, false, NULL, &made->target) != 0 ||
            parser_expect(parser, "=") != 0 || parse_expression(parser, true, &made->value) != 0)
            return -1;
        end = &made->next;
    }
    return parse_closed(parser, "endwith", &out->body);
}

static int parse_filter_block(struct parser *parser, struct statement *out)
{
    if (parse_filters(parser, &out->filters) != 0)
        return -1;
    return parse_closed(parser, "endfilter", &out->body);
}

/* "print" expression ("," expression)*: the tuple's elements are written one after another. */
static int parse_print(struct parser *parser, struct statement *out)
{
    struct expression **end = &out->value;
    out->kind = STATEMENT_PRINT;
    while (parser->token.kind != TOKEN_BLOCK_END) {
        if (out->value && parser_expect(parser, ",") != 0)
            return -1;
        if (parse_expression(parser, true, end) != 0)
            return -1;
        end = &(*end)->next; /* NOLINT(clang-analyzer-core.NullDereference): what parsed is there */
    }
    return 0;
}

/* --- macros --- */

/* signature := "(" [name ["=" expression] ("," ...)*] ")" */
static int parse_signature(struct parser *parser, struct macro *out)
{
    struct parameter **end = &out->parameters;
    bool defaults = false;
    if (parser_expect(parser, "(") != 0)
        return -1;
    for (; !parser_at(parser, ")"); end = &(*end)->next, out->count++) {
        struct parameter *made = *end = parser_take(parser, sizeof *made);
        if (out->count == JINJA_PARAMETERS_MAX)
            return parser_fail(parser, "more than %d parameters", JINJA_PARAMETERS_MAX);
        if (!made || (out->count && parser_expect(parser, ",") != 0) ||
            parser_symbol(parser, &made->name) != 0 || parser_sets(parser, made->name) != 0)
            return -1;
        for (struct parameter *p = out->parameters; p != made; p = p->next)
            if (p->name == made->name)
                return parser_fail(parser, "the parameter '%s' is there twice", p->name->text);
        int assigned = parser_take_operator(parser, "=");
        if (assigned < 0 || (assigned && parse_expression(parser, true, &made->value) != 0))
            return -1;
        if (defaults && !assigned)
            return parser_fail(parser, "a parameter without a value after one that has one");
        defaults = assigned;
    }
    return parser_expect(parser, ")");
}

/* What a macro's call runs: no loop of outside can be left from within. caller, varargs and kwargs
 * are what jinja gives where the body reads them and no parameter is called so; a parameter
 * `caller` must have a value of its own then. */
static int parse_macro_body(struct parser *parser, const char *end, struct macro *macro)
{
    struct macro_use use = {.outer = parser->macros};
    bool breakable = parser->breakable;
    parser->breakable = false;
    parser->macros = &use;
    if (parse_closed(parser, end, &macro->body) != 0)
        return -1;
    parser->macros = use.outer;
    parser->breakable = breakable;
    macro->caller = use.used[SPECIAL_CALLER];
    macro->varargs = use.used[SPECIAL_VARARGS];
    macro->kwargs = use.used[SPECIAL_KWARGS];
    for (struct parameter *p = macro->parameters; p; p = p->next) {
        macro->has_caller_parameter |= strcmp(p->name->text, "caller") == 0;
        if (p->name == macro->caller && !p->value)
            return parser_fail(parser, "a parameter 'caller' must have a value, or be left out");
        macro->varargs = p->name == macro->varargs ? NULL : macro->varargs;
        macro->kwargs = p->name == macro->kwargs ? NULL : macro->kwargs;
    }
    return 0;
}

/* A macro is an assignment: its name is a target. */
static int parse_macro(struct parser *parser, struct statement *out)
{
    struct macro *macro = out->macro = parser_take(parser, sizeof *macro);
    struct target *target = out->target = new_target(parser);
    if (!macro || !target || parser_symbol(parser, &target->name) != 0)
        return -1;
    macro->name = target->name->text;
    if (parse_signature(parser, macro) != 0)
        return -1;
    return parse_macro_body(parser, "endmacro", macro);
}

/* {% call(x) f(y) %}: the body is a macro, handed as `caller` to the call that the expression ends
 * with. */
static int parse_call(struct parser *parser, struct statement *out)
{
    struct macro *macro = out->macro = parser_take(parser, sizeof *macro);
    if (!macro || (parser_at(parser, "(") && parse_signature(parser, macro) != 0) ||
        parse_expression(parser, true, &out->value) != 0)
        return -1;
    struct link *last = out->value->kind == EXPRESSION_CHAIN ? out->value->links : NULL;
    while (last && last->next)
        last = last->next;
    if (!last || last->kind != LINK_CALL)
        return parser_fail(parser, "expected a call after {%% call %%}");
    return parse_macro_body(parser, "endcall", macro);
}

static int parse_generation(struct parser *parser, struct statement *out)
{
    parser->parsed->has_generation = true;
    out->macro = parser_take(parser, sizeof *out->macro);
    return out->macro ? parse_macro_body(parser, "endgeneration", out->macro) : -1;
}

/* --- any --- */

static const struct {
    const char *name;
    enum statement_kind kind;
    int (*parse)(struct parser *parser, struct statement *out);
} tags[] = {
    {"if", STATEMENT_IF, parse_if},
    {"for", STATEMENT_FOR, parse_for},
    {"break", STATEMENT_BREAK, parse_break},
    {"continue", STATEMENT_CONTINUE, parse_break},
    {"set", STATEMENT_SET, parse_set},
    {"with", STATEMENT_WITH, parse_with},
    {"filter", STATEMENT_FILTER, parse_filter_block},
    {"print", STATEMENT_PRINT, parse_print},
    {"macro", STATEMENT_MACRO, parse_macro},
    {"call", STATEMENT_CALL, parse_call},
    {"generation", STATEMENT_GENERATION, parse_generation},
};

/* What begins with `begin`, the token before the current one. */
static int parse_statement(struct parser *parser, enum token_kind begin, struct statement *out)
{
    static const char *const refused[] = {"include", "import",     "from",  "extends",
                                          "block",   "autoescape", "trans", "do"};
    char got[80];
    if (begin == TOKEN_TEXT) {
        out->kind = STATEMENT_TEXT;
        out->text = parser->token.value.is.text;
        return parser_advance(parser);
    }
    if (begin != TOKEN_BLOCK_BEGIN) {
        out->kind = STATEMENT_PRINT;
        return parse_tuple(parser, true, NULL, &out->value) == 0
                   ? parser_expect_kind(parser, TOKEN_PRINT_END, "'}}'")
                   : -1;
    }
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (!parser_at_word(parser, tags[i].name))
            continue;
        out->kind = tags[i].kind;
        return parser_advance(parser) == 0 && tags[i].parse(parser, out) == 0
                   ? parser_expect_kind(parser, TOKEN_BLOCK_END, "'%}'")
                   : -1;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (parser_at_word(parser, refused[i]))
            return parser_fail(parser,
                               "{%% %s %%} is not supported: chat templates have one file "
                               "and no blocks",
                               refused[i]);
    return parser_fail(parser, "unknown tag %s", token_describe(&parser->token, got, sizeof got));
}

/* Statements up to a tag that is one of `ends`; without ends, to the end of the source. */
static int parse_statements(struct parser *parser, const char *const *ends, struct body *out)
{
    struct statement **end = &out->first;
    int line = parser->token.line;
    while (parser->token.kind != TOKEN_END) {
        enum token_kind begin = parser->token.kind;
        struct statement *made = parser_take(parser, sizeof *made);
        if (!made)
            return -1;
        if (begin != TOKEN_TEXT && parser_advance(parser) != 0)
            return -1;
        for (const char *const *word = ends; word && *word && begin == TOKEN_BLOCK_BEGIN; word++)
            if (parser_at_word(parser, *word))
                return 0;
        made->line = parser->token.line;
        if (parse_statement(parser, begin, made) != 0)
            return -1;
        *end = made;
        end = &made->next;
    }
    if (!ends)
        return 0;
    while (ends[1])
        ends++;
    return parser_fail(parser, "the template ends without the {%% %s %%} of line %d", *ends, line);
}

int parse_template(struct parser *parser, struct body *out)
{
    return parse_statements(parser, NULL, out);
}
