/* text.format(...): fields in braces, by number or name, with what follows the name. */
#include "jinja/filters.h"

int jinja_format_braces(struct jinja_run *run, struct jinja_value format,
                        const struct jinja_arguments *arguments, struct jinja_value *out)
{
    (void)format, (void)arguments, (void)out;
    return error_set(run->err, "str.format() is not among the methods that this knows");
}
