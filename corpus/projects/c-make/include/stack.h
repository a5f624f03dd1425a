#ifndef STACK_H
#define STACK_H

#define STACK_SIZE 64

struct stack {
    double items[STACK_SIZE];
    int depth;
};

/* Both return 0, or -1 where the stack is full or empty. */
int stack_push(struct stack *stack, double value);
int stack_pop(struct stack *stack, double *value);

#endif
