#define NAME term_a

#include "series.h"
#include "terms.h"

TERMS

double series_a(double x)
{
	return SUM;
}
