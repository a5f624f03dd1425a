#include <stdio.h>

#include "series.h"

int main(void)
{
	printf("%.3f\n", series_a(1) - series_b(1) + series_c(0) - series_d(0) + 42);
	return 0;
}
