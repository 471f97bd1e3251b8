/* Expressions, from what binds tightest to what binds loosest; the comments are the grammar. Each
 * function gives the node of the one before it where its own operator is not there. */
#include "jinja/parser.h"

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

/* unary := ("-" | "+") signed filtered | primary postfix filtered
 * signed := ("-" | "+") signed | primary postfix: filters come after the sign, -1 | abs is 1. */
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

typedef int parse_operand(struct parser *parser, struct expression **out);

/* operand (operator operand)*, for operators of one precedence. */
static int parse_binary(struct parser *parser, enum expression_kind kind,
                        const char *const *operators, parse_operand *operand,
                        struct expression **out)
{
    struct expression *made = NULL, **end = NULL;
    if (operand(parser, out) != 0)
        return -1;
    for (;;) {
        const char *const *op = operators;
        while (*op && !parser_at(parser, *op))
            op++;
        if (!*op)
            return 0;
        if (!made && !(made = *out = new_operation(parser, kind, *out, &end)))
            return -1;
        if (parser_advance(parser) != 0 || operand(parser, end) != 0)
            return -1;
        (*end)->op = *op;
        end = &(*end)->next;
    }
}

static int parse_filtered_unary(struct parser *parser, struct expression **out)
{
    return parse_unary(parser, true, out);
}

/* power := unary ("**" unary)*, from left to right, unlike Python's */
static int parse_power(struct parser *parser, struct expression **out)
{
    static const char *const operators[] = {"**", NULL};
    return parse_binary(parser, EXPRESSION_BINARY, operators, parse_filtered_unary, out);
}

/* product := power (("*" | "/" | "//" | "%") power)* */
static int parse_product(struct parser *parser, struct expression **out)
{
    static const char *const operators[] = {"*", "/", "//", "%", NULL};
    return parse_binary(parser, EXPRESSION_BINARY, operators, parse_power, out);
}

/* concat := product ("~" product)* */
static int parse_concat(struct parser *parser, struct expression **out)
{
    static const char *const operators[] = {"~", NULL};
    return parse_binary(parser, EXPRESSION_CONCAT, operators, parse_product, out);
}

/* sum := concat (("+" | "-") concat)* */
static int parse_sum(struct parser *parser, struct expression **out)
{
    static const char *const operators[] = {"+", "-", NULL};
    return parse_binary(parser, EXPRESSION_BINARY, operators, parse_concat, out);
}

/* The comparison that stands at the current token, which it takes; *out NULL: none does. */
static int take_comparison(struct parser *parser, const char **out)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
    *out = NULL;
    for (const char *const *op = operators; *op; op++)
        if (parser_at(parser, *op))
            *out = *op;
    if (parser_at_word(parser, "in"))
        *out = "in";
    if (parser_at_word(parser, "not") && token_is(&parser->next, TOKEN_NAME, "in"))
        *out = "not in";
    if (*out && **out == 'n' && parser_advance(parser) != 0)
        return -1;
    return *out ? parser_advance(parser) : 0;
}

/* comparison := sum (("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in") sum)* */
static int parse_comparison(struct parser *parser, struct expression **out)
{
    struct expression *made = NULL, **end = NULL;
    const char *op;
    if (parse_sum(parser, out) != 0)
        return -1;
    for (;;) {
        if (take_comparison(parser, &op) != 0)
            return -1;
        if (!op)
            return 0;
        if (!made && !(made = *out = new_operation(parser, EXPRESSION_COMPARE, *out, &end)))
            return -1;
        if (parse_sum(parser, end) != 0)
            return -1;
        (*end)->op = op;
        end = &(*end)->next;
    }
}

/* negation := "not" negation | comparison */
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

/* operand (word operand)* */
static int parse_words(struct parser *parser, enum expression_kind kind, const char *word,
                       parse_operand *operand, struct expression **out)
{
    struct expression *made = NULL, **end = NULL;
    int taken;
    if (operand(parser, out) != 0)
        return -1;
    while ((taken = parser_take_word(parser, word)) > 0) {
        if (!made && !(made = *out = new_operation(parser, kind, *out, &end)))
            return -1;
        if (operand(parser, end) != 0)
            return -1;
        end = &(*end)->next;
    }
    return taken;
}

/* conjunction := negation ("and" negation)* */
static int parse_conjunction(struct parser *parser, struct expression **out)
{
    return parse_words(parser, EXPRESSION_AND, "and", parse_negation, out);
}

/* disjunction := conjunction ("or" conjunction)* */
static int parse_disjunction(struct parser *parser, struct expression **out)
{
    return parse_words(parser, EXPRESSION_OR, "or", parse_conjunction, out);
}

/* condition := disjunction ("if" disjunction ["else" condition])* */
static int parse_condition(struct parser *parser, struct expression **out)
{
    int taken;
    if (parse_disjunction(parser, out) != 0)
        return -1;
    while ((taken = parser_take_word(parser, "if")) > 0) {
        struct expression **end;
        struct expression *made = new_operation(parser, EXPRESSION_CONDITION, *out, &end);
        if (!made || parse_disjunction(parser, end) != 0)
            return -1;
        int other = parser_take_word(parser, "else");
        if (other < 0 || (other && parse_expression(parser, true, &(*end)->next) != 0))
            return -1;
        *out = made;
    }
    return taken;
}

int parse_expression(struct parser *parser, bool with_condition, struct expression **out)
{
    if (parser_enter(parser) != 0)
        return -1;
    if ((with_condition ? parse_condition : parse_disjunction)(parser, out) != 0)
        return -1;
    parser_leave(parser);
    return 0;
}
