FROM debian:12
RUN apt-get install -y curl && apt-get -qq install a && apt-get -q -q install b && apt-get -q=2 install c
RUN apt-get -q install -y d; apt-get --assume-yes install e
RUN sudo apt-get install -y f
