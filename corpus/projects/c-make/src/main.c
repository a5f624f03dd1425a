/* A calculator in reverse Polish notation: rpn 1 2 + 4 x  prints 12. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack.h"

static int apply(struct stack *stack, char operation) {
    double right, left;
    if (stack_pop(stack, &right) || stack_pop(stack, &left))
        return -1;
    switch (operation) {
    case '+': return stack_push(stack, left + right);
    case '-': return stack_push(stack, left - right);
    case 'x': return stack_push(stack, left * right);
    case '/': return stack_push(stack, left / right);
    default: return -1;
    }
}

int main(int argc, char **argv) {
    struct stack stack = {.depth = 0};
    double result;
    for (int i = 1; i < argc; i++) {
        char *end;
        double value = strtod(argv[i], &end);
        int failed = *end == '\0' ? stack_push(&stack, value) : strlen(argv[i]) == 1 ? apply(&stack, argv[i][0]) : -1;
        if (failed) {
            fprintf(stderr, "rpn: cannot use %s here\n", argv[i]);
            return 2;
        }
    }
    if (stack_pop(&stack, &result) || stack.depth)
        return 1;
    printf("%g\n", result);
    return 0;
}
