/* Texts and numbers of a template's source. Internal to the lexer. */
#ifndef SPECTRUM_JINJA_LITERALS_H
#define SPECTRUM_JINJA_LITERALS_H

#include "jinja/lexer.h"

/* Both are called where one begins, and leave lexer->at behind it. */
int lex_number(struct lexer *lexer, struct token *token, struct error *err);
int lex_string(struct lexer *lexer, struct token *token, struct error *err);

#endif
