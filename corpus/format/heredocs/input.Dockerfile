FROM a
run   <<EOF  
  apt-get   update   
	echo x \
   y

EOF
COPY   <<-'A'   <<B   /dir/
	tabs   
	A
 b  
B
RUN cat   <<X   | \
   sort
 x  
X
