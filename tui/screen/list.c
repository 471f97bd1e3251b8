#include "tui/screen/list.h"

bool list_move(struct list *list, enum request request, int page)
{
    int to = list->cursor;
    switch (request) {
    case REQUEST_UP:
        to--;
        break;
    case REQUEST_DOWN:
        to++;
        break;
    case REQUEST_PAGE_UP:
        to -= page;
        break;
    case REQUEST_PAGE_DOWN:
        to += page;
        break;
    case REQUEST_FIRST:
        to = 0;
        break;
    case REQUEST_LAST:
        to = list->count - 1;
        break;
    default:
        return false;
    }
    if (to > list->count - 1)
        to = list->count - 1;
    list->cursor = to < 0 ? 0 : to;
    return true;
}

int list_first(const struct list *list, int visible)
{
    int first = list->cursor - visible / 2;
    if (first > list->count - visible)
        first = list->count - visible;
    return first < 0 ? 0 : first;
}
