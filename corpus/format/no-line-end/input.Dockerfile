FROM a


CMD b