#define NAME term_c

#include "series.h"
#include "terms.h"

TERMS

double series_c(double x)
{
	return SUM;
}
