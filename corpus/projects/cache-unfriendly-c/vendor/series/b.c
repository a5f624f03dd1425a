#define NAME term_b

#include "series.h"
#include "terms.h"

TERMS

double series_b(double x)
{
	return SUM;
}
