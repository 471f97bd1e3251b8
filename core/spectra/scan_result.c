#include "spectra/scan_result.h"

#include <stdlib.h>

void scan_result_free(struct scan_result *result)
{
    if (!result)
        return;
    for (size_t i = 0; result->scan && result->values && i < result->scan->count; i++)
        free(result->values[i]);
    scan_free(result->scan);
    free(result->values);
    free(result->counts);
    free(result);
}
