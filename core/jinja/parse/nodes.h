/* The tree of a template, as parsed. Internal to core/jinja.
 *
 * All of it lives in one heap of the template's own. Lists are linked by `next`, in the order of
 * the source; a node is part of one list at most. What would be a long chain in the source (sums,
 * comparisons, attributes and filters one after another, elif) is a list, so that the tree is only
 * as high as the source is nested, which the parser bounds.
 */
#ifndef SPECTRUM_JINJA_NODES_H
#define SPECTRUM_JINJA_NODES_H

#include "jinja/run/run.h"

enum {
    JINJA_SOURCE_MAX = 1 << 20, /* bytes */
    JINJA_TREE_MAX = 128 << 20, /* bytes of the tree */
    JINJA_NAMES_MAX = 1000,     /* different names */
    JINJA_PARAMETERS_MAX = 64,  /* of a macro; arguments of a call that have names */
    JINJA_BRACKETS_MAX = 100,   /* brackets and blocks within one another */
    JINJA_HEIGHT_MAX = 250,     /* of the tree */
};

/* A name of the source; equal names are one symbol. */
struct symbol {
    const char *text;
    size_t length;
    int id;     /* from 0 on */
    bool named; /* an expression reads it */
};

/* --- expressions --- */

enum expression_kind {
    EXPRESSION_LITERAL,
    EXPRESSION_NAME,
    EXPRESSION_TUPLE,
    EXPRESSION_LIST,
    EXPRESSION_DICT,      /* key, value, key, value ... */
    EXPRESSION_OR,        /* any number of operands */
    EXPRESSION_AND,       /* the same */
    EXPRESSION_NOT,       /* of one */
    EXPRESSION_COMPARE,   /* a < b <= c: each operand but the first has its operator */
    EXPRESSION_BINARY,    /* a + b - c of one precedence, from left to right: the same */
    EXPRESSION_CONCAT,    /* a ~ b ~ c */
    EXPRESSION_SIGN,      /* of one, whose operator is "-" or "+" */
    EXPRESSION_CONDITION, /* value, test, and the value of else where there is one */
    EXPRESSION_CHAIN,     /* one, and what is done to it: `links` */
};

struct expression {
    enum expression_kind kind;
    int line;
    struct symbol *name;        /* EXPRESSION_NAME */
    struct jinja_value literal; /* EXPRESSION_LITERAL */
    struct expression *first;   /* operands */
    struct link *links;         /* EXPRESSION_CHAIN */
    const char *op;             /* the operator that stands before it, as an operand */
    struct expression *next;
};

struct keyword {
    const char *name;
    struct expression *value;
    struct keyword *next;
};

/* f(values, name=value, *rest, **rest_named) */
struct arguments {
    struct expression *values;
    size_t count;
    struct keyword *named;
    size_t named_count;
    struct expression *rest, *rest_named; /* NULL: none */
};

enum link_kind {
    LINK_ATTRIBUTE, /* .name */
    LINK_ITEM,      /* [value] */
    LINK_SLICE,     /* [start:stop:step]: three values, none where absent */
    LINK_CALL,      /* (arguments) */
    LINK_FILTER,    /* | name(arguments) */
    LINK_TEST,      /* is name(arguments), is not name(arguments) */
};

struct link {
    enum link_kind kind;
    int line;
    const char *name;
    jinja_filter *filter; /* NULL: there is none, which is an error once it is called */
    jinja_test *test;     /* the same */
    bool negated;         /* is not */
    struct arguments arguments;
    struct link *next;
};

/* What values are assigned to. */
struct target {
    enum { TARGET_NAME, TARGET_ATTRIBUTE, TARGET_TUPLE } kind;
    int line;
    struct symbol *name;     /* of the variable, or of the namespace */
    const char *attribute;   /* TARGET_ATTRIBUTE */
    struct target *elements; /* TARGET_TUPLE */
    size_t count;
    struct target *next;
};

/* --- statements --- */

struct statement;

/* Statements, and, where they have a scope of their own, the names that are undefined in it until
 * they are set, whatever they may be outside (scopes.c). */
struct body {
    struct statement *first;
    const struct symbol **unset;
    size_t unset_count;
};

struct branch {
    struct expression *test; /* NULL: else */
    struct body body;
    struct branch *next;
};

struct parameter {
    struct symbol *name;
    struct expression *value; /* where none is given; NULL: undefined then */
    struct parameter *next;
};

/* A macro, or the body of a call block, which its macro calls as caller(). */
struct macro {
    const char *name; /* NULL: a call block's */
    struct parameter *parameters;
    size_t count;
    bool has_caller_parameter;
    struct symbol *caller, *varargs, *kwargs; /* NULL: the body does not use it */
    struct body body;
};

struct binding {
    struct target *target;
    struct expression *value;
    struct binding *next;
};

enum statement_kind {
    STATEMENT_TEXT,       /* text */
    STATEMENT_PRINT,      /* {{ value }} */
    STATEMENT_IF,         /* branches */
    STATEMENT_FOR,        /* target in value if test, body, otherwise */
    STATEMENT_BREAK,      /**/
    STATEMENT_CONTINUE,   /**/
    STATEMENT_SET,        /* target = value */
    STATEMENT_CAPTURE,    /* {% set target | filters %} body */
    STATEMENT_MACRO,      /* target is its name */
    STATEMENT_CALL,       /* value is a chain that ends with a call; macro is the caller */
    STATEMENT_GENERATION, /* macro */
    STATEMENT_FILTER,     /* {% filter filters %} body */
    STATEMENT_WITH,       /* bindings, body */
};

struct statement {
    enum statement_kind kind;
    int line;
    struct jinja_text text;
    struct expression *value, *test;
    struct target *target;
    struct branch *branches;
    struct binding *bindings;
    struct link *filters;
    struct macro *macro;
    struct body body, otherwise;
    bool recursive;
    struct statement *next;
};

/* --- the whole --- */

struct jinja_template {
    struct jinja_heap *heap; /* of all that is here */
    struct body body;
    struct symbol *symbols[JINJA_NAMES_MAX];
    int symbol_count;
    bool has_generation;
};

#endif
