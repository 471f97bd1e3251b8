#include "tui/widget/flow.h"

#include "base/utf8.h"

#include <string.h>

static void next_line(struct flow *flow)
{
    flow->x = 0;
    flow->y++;
}

void flow_put(struct flow *flow, struct style style, const char *text, size_t length)
{
    for (size_t at = 0; at < length && flow->area.width > 0;) {
        char piece[5] = "";
        int32_t code;
        size_t bytes = utf8_decode(text + at, length - at, &code);
        memcpy(piece, text + at, bytes);
        at += bytes;
        int columns = text_columns(piece);
        if (code == '\n') {
            next_line(flow);
            continue;
        }
        if (flow->x + columns > flow->area.width)
            next_line(flow);
        if (flow->y >= 0)
            area_put(flow->area, flow->x, flow->y, style, piece);
        flow->x += columns;
    }
}
