FROM a

CMD b
