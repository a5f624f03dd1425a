/* TERMS defines the functions NAME_100 to NAME_399, SUM adds them up. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TERM(n)                                                          \
	static double JOIN(NAME, JOIN(_, n))(double x)                       \
	{                                                                    \
		double sum = n;                                                  \
		for (int i = 1; i < n % 40 + 3; i++)                             \
			sum += i % 2 ? x / (i + n) : x * i - sum / (i + 1 + n % 7);   \
		return sum;                                                      \
	}
#define CALL(n) +JOIN(NAME, JOIN(_, n))(x)
#define TEN(DO, n) \
	DO(n##0) DO(n##1) DO(n##2) DO(n##3) DO(n##4) DO(n##5) DO(n##6) DO(n##7) DO(n##8) DO(n##9)
#define HUNDRED(DO, n)                                                            \
	TEN(DO, n##0) TEN(DO, n##1) TEN(DO, n##2) TEN(DO, n##3) TEN(DO, n##4)         \
	TEN(DO, n##5) TEN(DO, n##6) TEN(DO, n##7) TEN(DO, n##8) TEN(DO, n##9)
#define TERMS HUNDRED(TERM, 1) HUNDRED(TERM, 2) HUNDRED(TERM, 3)
#define SUM (0 HUNDRED(CALL, 1) HUNDRED(CALL, 2) HUNDRED(CALL, 3))
