FROM a
RUN   b \
# nothing follows
