from a
run b &&\
  c


from d
copy  <<E  /x
 a  
E
cmd x